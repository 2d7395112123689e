// SPDX-License-Identifier: Apache-2.0
// Running an expression's program; expr_parse.c makes it.
#include "expr_internal.h"

#include <math.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

void sj_expr_free(sj_expr *e) {
    if (e == NULL) {
        return;
    }
    for (int i = 0; i < e->name_count; i++) {
        free(e->names[i]);
    }
    for (int i = 0; i < e->text_count; i++) {
        free(e->texts[i]);
    }
    free(e->names);
    free(e->texts);
    free(e->code);
    free(e->text);
    free(e);
}

const char *sj_expr_text(const sj_expr *e) { return e->text; }

const char *sj_expr_name(const sj_expr *e, int i) { return i >= 0 && i < e->name_count ? e->names[i] : NULL; }

// A program that runs: the instruction it is at, for messages.
typedef struct run {
    const sj_expr *e;
    const expr_instruction *at;
    sj_expr_lookup lookup;
    void *context;
    sj_error *err;
} run;

static sj_status fail(const run *r, sj_status status, const char *format, ...) __attribute__((format(printf, 3, 4)));
static sj_status fail(const run *r, sj_status status, const char *format, ...) {
    char sentence[512];
    va_list args;
    va_start(args, format);
    vsnprintf(sentence, sizeof sentence, format, args);
    va_end(args);
    return SJ_FAIL(r->err, status, "expression \"%.200s\", column %d: %s", r->e->text, r->at->column, sentence);
}

static const char *type_name(const sj_expr_value *v) {
    static const char *const names[] = {"a number", "a string", "true or false"};
    return names[v->type];
}

static sj_expr_value number_value(double number) { return (sj_expr_value){.type = SJ_EXPR_NUMBER, .number = number}; }
static sj_expr_value truth_value(bool truth) { return (sj_expr_value){.type = SJ_EXPR_BOOL, .truth = truth}; }

static const char *symbol_of(expr_op op) {
    switch (op) {
        case OP_NEGATE:
        case OP_SUBTRACT: return "-";
        case OP_NOT: return "not";
        case OP_LOG2: return "log2";
        case OP_ADD: return "+";
        case OP_MULTIPLY: return "*";
        case OP_DIVIDE: return "/";
        case OP_REMAINDER: return "%";
        case OP_MIN: return "min";
        case OP_MAX: return "max";
        case OP_EQUAL: return "==";
        case OP_UNEQUAL: return "!=";
        case OP_LESS: return "<";
        case OP_LESS_EQUAL: return "<=";
        case OP_GREATER: return ">";
        case OP_GREATER_EQUAL: return ">=";
        case OP_AND: return "and";
        default: return "or";
    }
}

static sj_status need(const run *r, const sj_expr_value *v, sj_expr_type type) {
    if (v->type == type) {
        return SJ_OK;
    }
    const sj_expr_value wanted = {.type = type};
    return fail(r, SJ_ERR_CONFIG, "\"%s\" takes %s, and not %s", symbol_of(r->at->op == OP_TRUTH ? (expr_op)r->at->operand : r->at->op), type_name(&wanted), type_name(v));
}

static sj_status push_name(const run *r, sj_expr_value *out) {
    const char *name = r->e->names[r->at->operand];
    *out = (sj_expr_value){.type = SJ_EXPR_NUMBER};
    if (r->lookup(r->context, name, out, r->err) != SJ_OK) {
        return sj_error_prefix(r->err, "expression \"%.200s\", column %d", r->e->text, r->at->column);
    }
    return out->type != SJ_EXPR_NUMBER || isfinite(out->number) ? SJ_OK : fail(r, SJ_ERR_NUMERIC, "\"%s\" is %g, which is not a finite number", name, out->number);
}

static sj_status one_operand(const run *r, sj_expr_value *v) {
    if (r->at->op == OP_NOT) {
        SJ_TRY(need(r, v, SJ_EXPR_BOOL));
        v->truth = !v->truth;
        return SJ_OK;
    }
    SJ_TRY(need(r, v, SJ_EXPR_NUMBER));
    if (r->at->op == OP_NEGATE) {
        v->number = -v->number;
        return SJ_OK;
    }
    if (v->number <= 0.0) {
        return fail(r, SJ_ERR_NUMERIC, "log2 of %.15g; it must be greater than 0", v->number);
    }
    v->number = log2(v->number);
    return SJ_OK;
}

static sj_status remainder_of(const run *r, double a, double b, double *out) {
    if (b == 0.0) {
        return fail(r, SJ_ERR_NUMERIC, "%.15g %% 0: a division by zero", a);
    }
    if (a != trunc(a) || b != trunc(b)) {
        return fail(r, SJ_ERR_NUMERIC, "%.15g %% %.15g: \"%%\" takes whole numbers", a, b);
    }
    *out = fmod(a, b);
    return SJ_OK;
}

static sj_status arithmetic(const run *r, double a, double b, double *out) {
    switch (r->at->op) {
        case OP_ADD: *out = a + b; break;
        case OP_SUBTRACT: *out = a - b; break;
        case OP_MULTIPLY: *out = a * b; break;
        case OP_MIN: *out = a < b ? a : b; break;
        case OP_MAX: *out = a > b ? a : b; break;
        case OP_REMAINDER: return remainder_of(r, a, b, out);
        default:
            if (b == 0.0) {
                return fail(r, SJ_ERR_NUMERIC, "%.15g / 0: a division by zero", a);
            }
            *out = a / b;
    }
    return isfinite(*out) ? SJ_OK : fail(r, SJ_ERR_NUMERIC, "the result of %.15g %s %.15g is too large", a, symbol_of(r->at->op), b);
}

static bool compare(expr_op op, double a, double b) {
    switch (op) {
        case OP_LESS: return a < b;
        case OP_LESS_EQUAL: return a <= b;
        case OP_GREATER: return a > b;
        default: return a >= b;
    }
}

static sj_status equality(const run *r, const sj_expr_value *a, const sj_expr_value *b, bool *out) {
    if (a->type != b->type) {
        return fail(r, SJ_ERR_CONFIG, "\"%s\" compares %s with %s", symbol_of(r->at->op), type_name(a), type_name(b));
    }
    const bool same = a->type == SJ_EXPR_NUMBER ? a->number == b->number : a->type == SJ_EXPR_BOOL ? a->truth == b->truth : strcmp(a->text, b->text) == 0;
    *out = same == (r->at->op == OP_EQUAL);
    return SJ_OK;
}

// *a becomes the result.
static sj_status two_operands(const run *r, sj_expr_value *a, const sj_expr_value *b) {
    const expr_op op = r->at->op;
    if (op == OP_EQUAL || op == OP_UNEQUAL) {
        bool same = false;
        SJ_TRY(equality(r, a, b, &same));
        *a = truth_value(same);
        return SJ_OK;
    }
    SJ_TRY(need(r, a, SJ_EXPR_NUMBER));
    SJ_TRY(need(r, b, SJ_EXPR_NUMBER));
    if (op >= OP_LESS) {
        *a = truth_value(compare(op, a->number, b->number));
        return SJ_OK;
    }
    double result = 0.0;
    SJ_TRY(arithmetic(r, a->number, b->number, &result));
    *a = number_value(result);
    return SJ_OK;
}

sj_status sj_expr_eval(const sj_expr *e, sj_expr_lookup lookup, void *context, sj_expr_value *out, sj_error *err) {
    sj_expr_value stack[SJ_EXPR_STACK_MAX];
    int used = 0;
    run r = {e, e->code, lookup, context, err};
    for (int i = 0; i < e->code_count; i++) {
        r.at = &e->code[i];
        switch (r.at->op) {
            case OP_NUMBER: stack[used++] = number_value(r.at->number); break;
            case OP_BOOL: stack[used++] = truth_value(r.at->operand != 0); break;
            case OP_TEXT: stack[used++] = (sj_expr_value){.type = SJ_EXPR_TEXT, .text = e->texts[r.at->operand]}; break;
            case OP_NAME: SJ_TRY(push_name(&r, &stack[used++])); break;
            case OP_NEGATE:
            case OP_NOT:
            case OP_LOG2: SJ_TRY(one_operand(&r, &stack[used - 1])); break;
            case OP_AND:
            case OP_OR:
                SJ_TRY(need(&r, &stack[used - 1], SJ_EXPR_BOOL));
                if (stack[used - 1].truth == (r.at->op == OP_OR)) {
                    i = r.at->operand - 1;
                } else {
                    used--;
                }
                break;
            case OP_TRUTH: SJ_TRY(need(&r, &stack[used - 1], SJ_EXPR_BOOL)); break;
            default:
                SJ_TRY(two_operands(&r, &stack[used - 2], &stack[used - 1]));
                used--;
        }
    }
    *out = stack[0];
    return SJ_OK;
}

sj_status sj_expr_holds(const sj_expr *e, sj_expr_lookup lookup, void *context, bool *out, sj_error *err) {
    sj_expr_value value;
    SJ_TRY(sj_expr_eval(e, lookup, context, &value, err));
    if (value.type != SJ_EXPR_BOOL) {
        return SJ_FAIL(err, SJ_ERR_CONFIG, "expression \"%.200s\": it is %s; it must be true or false", e->text, type_name(&value));
    }
    *out = value.truth;
    return SJ_OK;
}
