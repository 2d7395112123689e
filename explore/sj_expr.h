// SPDX-License-Identifier: Apache-2.0
// Expressions over a point's parameters: "array.rows * array.lanes <= 1024 and area_mm2 <= 2". For constraints (before a point is simulated) and limits (on its results).
//
// Grammar, loosest first:  or  |  and  |  not  |  == != < <= > >= (of two values, not chained)  |  + -  |  * / %  |  unary -  |  number, "string", true, false, name, (expression),
// min(x, y, ...), max(x, y, ...), log2(x).  Names are config paths (letters, digits, _, ., and [n] of lists); true and false are no names.
// Numbers are doubles; / divides exactly; % is the remainder of whole numbers, the sign that of the dividend. Strings, and true and false, compare with == and != alone.
// The right side of and and of or is looked at only where the left one does not decide: "slots > 0 and 64 / slots > 4". \ makes the next character of a string stand for itself.
#ifndef SJ_EXPR_H
#define SJ_EXPR_H

#include <stdbool.h>

#include "sj_error.h"

typedef enum sj_expr_type { SJ_EXPR_NUMBER, SJ_EXPR_TEXT, SJ_EXPR_BOOL } sj_expr_type;

typedef struct sj_expr_value {
    sj_expr_type type;
    double number;
    bool truth;
    const char *text;  // SJ_EXPR_TEXT: borrowed of the lookup or of the expression
} sj_expr_value;

typedef struct sj_expr sj_expr;

// SJ_ERR_CONFIG names the text and the column (from 1) where it breaks. Caller: sj_expr_free.
sj_status sj_expr_parse(const char *text, sj_expr **out, sj_error *err);
void sj_expr_free(sj_expr *e);  // NULL is allowed
const char *sj_expr_text(const sj_expr *e);
// The i-th distinct name in the order of appearance; NULL behind the last.
const char *sj_expr_name(const sj_expr *e, int i);

// The value of a name. Fails where there is no such name (the message names the nearest known one).
typedef sj_status (*sj_expr_lookup)(void *context, const char *name, sj_expr_value *out, sj_error *err);
// SJ_ERR_CONFIG for operands of a wrong type; SJ_ERR_NUMERIC for what only some values meet: a division by zero, a remainder of numbers that are not whole, a logarithm of 0, a result that is too large;
// else what the lookup returned. The message names the expression.
sj_status sj_expr_eval(const sj_expr *e, sj_expr_lookup lookup, void *context, sj_expr_value *out, sj_error *err);
// Of an expression that must be true or false; anything else is SJ_ERR_CONFIG.
sj_status sj_expr_holds(const sj_expr *e, sj_expr_lookup lookup, void *context, bool *out, sj_error *err);

#endif
