// SPDX-License-Identifier: Apache-2.0
// What expr.c and expr_parse.c share; nobody else includes this.
#ifndef SJ_EXPR_INTERNAL_H
#define SJ_EXPR_INTERNAL_H

#include <stdint.h>

#include "sj_expr.h"

// An expression is a program of a machine with a stack: nothing recurses over a long one.
typedef enum expr_op {
    OP_NUMBER,  // pushes number
    OP_TEXT,    // pushes texts[operand]
    OP_BOOL,    // pushes operand != 0
    OP_NAME,    // pushes the value of names[operand]
    // One operand
    OP_NEGATE,
    OP_NOT,
    OP_LOG2,
    // Two operands
    OP_ADD,
    OP_SUBTRACT,
    OP_MULTIPLY,
    OP_DIVIDE,
    OP_REMAINDER,
    OP_MIN,
    OP_MAX,
    OP_EQUAL,
    OP_UNEQUAL,
    OP_LESS,
    OP_LESS_EQUAL,
    OP_GREATER,
    OP_GREATER_EQUAL,
    // and, or: goes to instruction `operand` with the top left where that decides, else drops it
    OP_AND,
    OP_OR,
    OP_TRUTH  // checks that the top, the right side of `operand` (OP_AND or OP_OR), is true or false
} expr_op;

typedef struct expr_instruction {
    expr_op op;
    int column;  // of the operator, from 1
    int operand;
    double number;
} expr_instruction;

// Each level of parentheses holds at most the left sides of a comparison, a sum, a product and a list of arguments.
enum { SJ_EXPR_NESTING_MAX = 64, SJ_EXPR_STACK_MAX = 4 * (SJ_EXPR_NESTING_MAX + 2) };

struct sj_expr {
    char *text;
    expr_instruction *code;
    int code_count, code_capacity;
    char **names, **texts;
    int name_count, text_count;
};

#endif
