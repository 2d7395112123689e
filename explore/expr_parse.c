// SPDX-License-Identifier: Apache-2.0
// Text to a program, by recursive descent: one function for each level of the grammar in sj_expr.h.
#include "expr_internal.h"

#include <ctype.h>
#include <math.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "sj_config.h"

typedef enum token { T_END, T_NUMBER, T_TEXT, T_NAME, T_SYMBOL } token;

typedef struct parser {
    sj_expr *e;
    sj_error *err;
    const char *at;       // behind the token
    const char *start;    // of the token
    token kind;
    double number;        // T_NUMBER
    int nesting;
} parser;

static const char *const functions[] = {"min", "max", "log2"};

static int column_of(const parser *p, const char *at) { return (int)(at - p->e->text) + 1; }

static sj_status fail_at(const parser *p, const char *at, const char *format, ...) __attribute__((format(printf, 3, 4)));
static sj_status fail_at(const parser *p, const char *at, const char *format, ...) {
    char sentence[512];
    va_list args;
    va_start(args, format);
    vsnprintf(sentence, sizeof sentence, format, args);
    va_end(args);
    return SJ_FAIL(p->err, SJ_ERR_CONFIG, "expression \"%.200s\", column %d: %s", p->e->text, column_of(p, at), sentence);
}

static sj_status no_memory(const parser *p) { return SJ_FAIL(p->err, SJ_ERR_MEMORY, "expression \"%.200s\": no memory", p->e->text); }

// The token as it stands, for messages.
static sj_status expected(const parser *p, const char *what) {
    if (p->kind == T_END) {
        return fail_at(p, p->start, "it ends where %s is needed", what);
    }
    return fail_at(p, p->start, "\"%.*s\" stands where %s is needed", (int)(p->at - p->start), p->start, what);
}

static sj_status emit(parser *p, expr_op op, const char *at, int operand, double number) {
    sj_expr *e = p->e;
    if (e->code_count == e->code_capacity) {
        const int capacity = e->code_capacity == 0 ? 16 : 2 * e->code_capacity;
        expr_instruction *larger = realloc(e->code, (size_t)capacity * sizeof *larger);
        if (larger == NULL) {
            return no_memory(p);
        }
        e->code = larger;
        e->code_capacity = capacity;
    }
    e->code[e->code_count++] = (expr_instruction){op, column_of(p, at), operand, number};
    return SJ_OK;
}

// Takes over text.
static sj_status append(const parser *p, char ***list, int *count, char *text) {
    char **larger = text != NULL ? realloc(*list, ((size_t)*count + 1) * sizeof *larger) : NULL;
    if (larger == NULL) {
        free(text);
        return no_memory(p);
    }
    *list = larger;
    larger[(*count)++] = text;
    return SJ_OK;
}

static bool starts_name(char ch) { return isalpha((unsigned char)ch) || ch == '_'; }
static bool in_name(char ch) { return isalnum((unsigned char)ch) || ch == '_'; }

static sj_status scan_number(parser *p) {
    const char *q = p->at;
    while (isdigit((unsigned char)*q) || *q == '.') {
        q++;
    }
    if ((*q == 'e' || *q == 'E') && (isdigit((unsigned char)q[1]) || ((q[1] == '+' || q[1] == '-') && isdigit((unsigned char)q[2])))) {
        q += 2;
        while (isdigit((unsigned char)*q)) {
            q++;
        }
    }
    while (in_name(*q) || *q == '.') {
        q++;  // what does not belong to a number is told with it
    }
    char *end;
    p->number = strtod(p->at, &end);
    const char *first = p->at;
    p->at = q;
    p->kind = T_NUMBER;
    if (end != q || strpbrk(first, "xX") == first + 1) {
        return fail_at(p, first, "\"%.*s\" is not a number", (int)(q - first), first);
    }
    return isfinite(p->number) ? SJ_OK : fail_at(p, first, "the number %.*s is too large", (int)(q - first), first);
}

// name, name.name, name[3] and name.[3].name
static sj_status scan_name(parser *p) {
    const char *q = p->at;
    for (bool more = true; more;) {
        if (*q == '[') {
            const char *digit = ++q;
            while (isdigit((unsigned char)*q)) {
                q++;
            }
            if (q == digit || *q++ != ']') {
                return fail_at(p, digit, "a number and \"]\" are needed");
            }
        } else if (starts_name(*q)) {
            while (in_name(*q)) {
                q++;
            }
        } else {
            return fail_at(p, q, "a name is needed behind \".\"");
        }
        more = *q == '.' || *q == '[';
        q += *q == '.';
    }
    p->at = q;
    p->kind = T_NAME;
    return SJ_OK;
}

static sj_status scan_text(parser *p) {
    const char *q = p->at + 1;
    while (*q != '\0' && *q != '"') {
        q += *q == '\\' && q[1] != '\0' ? 2 : 1;
    }
    if (*q == '\0') {
        return fail_at(p, p->at, "the string has no end");
    }
    p->at = q + 1;
    p->kind = T_TEXT;
    return SJ_OK;
}

static sj_status next(parser *p) {
    while (isspace((unsigned char)*p->at)) {
        p->at++;
    }
    p->start = p->at;
    const char ch = *p->at;
    if (ch == '\0') {
        p->kind = T_END;
        return SJ_OK;
    }
    if (isdigit((unsigned char)ch) || (ch == '.' && isdigit((unsigned char)p->at[1]))) {
        return scan_number(p);
    }
    if (starts_name(ch)) {
        return scan_name(p);
    }
    if (ch == '"') {
        return scan_text(p);
    }
    const bool two = strchr("=!<>", ch) != NULL && p->at[1] == '=';
    p->at += two ? 2 : 1;
    p->kind = T_SYMBOL;
    if (!two && ch == '=') {
        return fail_at(p, p->start, "\"=\" is no operator; write \"==\"");
    }
    if (!two && strchr("+-*/%<>(),", ch) == NULL) {
        const bool printable = isprint((unsigned char)ch) != 0;
        return printable ? fail_at(p, p->start, "\"%c\" is no operator", ch) : fail_at(p, p->start, "the byte 0x%02x is no operator", (unsigned char)ch);
    }
    return SJ_OK;
}

static bool is(const parser *p, token kind, const char *text) {
    return p->kind == kind && (size_t)(p->at - p->start) == strlen(text) && strncmp(p->start, text, strlen(text)) == 0;
}

static sj_status take(parser *p, const char *symbol) {
    char what[16];
    snprintf(what, sizeof what, "\"%s\"", symbol);
    return is(p, T_SYMBOL, symbol) ? next(p) : expected(p, what);
}

static sj_status parse_or(parser *p);

// Parentheses, arguments, and chains of - and not are what nests.
static sj_status enter(parser *p) {
    return ++p->nesting > SJ_EXPR_NESTING_MAX ? fail_at(p, p->start, "it is nested more than %d levels deep", SJ_EXPR_NESTING_MAX) : SJ_OK;
}

static sj_status parse_call(parser *p, const char *name, size_t length) {
    int function = 0;
    while (function < 3 && (strlen(functions[function]) != length || strncmp(functions[function], name, length) != 0)) {
        function++;
    }
    if (function == 3) {
        char word[64];
        snprintf(word, sizeof word, "%.*s", (int)length, name);
        const char *nearest = sj_nearest_name(word, functions, 3);
        return fail_at(p, name, "there is no function \"%s\"; there are min, max and log2%s%s%s", word, nearest != NULL ? "; did you mean \"" : "", nearest != NULL ? nearest : "",
                       nearest != NULL ? "\"?" : "");
    }
    SJ_TRY(enter(p));
    SJ_TRY(take(p, "("));
    SJ_TRY(parse_or(p));
    if (strcmp(functions[function], "log2") == 0) {
        SJ_TRY(emit(p, OP_LOG2, name, 0, 0.0));
    } else {
        const expr_op op = strcmp(functions[function], "min") == 0 ? OP_MIN : OP_MAX;
        do {  // min(x, y, z) is min(min(x, y), z): the stack stays low
            SJ_TRY(take(p, ","));
            SJ_TRY(parse_or(p));
            SJ_TRY(emit(p, op, name, 0, 0.0));
        } while (is(p, T_SYMBOL, ","));
    }
    p->nesting--;
    return take(p, ")");
}

static sj_status parse_name(parser *p) {
    const char *name = p->start;
    const size_t length = (size_t)(p->at - name);
    static const char *const keywords[] = {"and", "or", "not"};
    for (int i = 0; i < 3; i++) {
        if (is(p, T_NAME, keywords[i])) {
            return expected(p, "a value");
        }
    }
    const bool yes = is(p, T_NAME, "true"), no = is(p, T_NAME, "false");
    SJ_TRY(next(p));
    if (is(p, T_SYMBOL, "(")) {
        return parse_call(p, name, length);
    }
    if (yes || no) {
        return emit(p, OP_BOOL, name, yes, 0.0);
    }
    sj_expr *e = p->e;
    int known = 0;
    while (known < e->name_count && (strlen(e->names[known]) != length || strncmp(e->names[known], name, length) != 0)) {
        known++;
    }
    if (known == e->name_count) {
        SJ_TRY(append(p, &e->names, &e->name_count, strndup(name, length)));
    }
    return emit(p, OP_NAME, name, known, 0.0);
}

// A backslash makes the character behind it stand for itself.
static sj_status parse_text(parser *p) {
    char *text = strndup(p->start + 1, (size_t)(p->at - p->start) - 2);
    if (text == NULL) {
        return no_memory(p);
    }
    char *to = text;
    for (const char *from = text; *from != '\0'; from++) {
        from += *from == '\\';
        *to++ = *from;
    }
    *to = '\0';
    SJ_TRY(append(p, &p->e->texts, &p->e->text_count, text));
    SJ_TRY(emit(p, OP_TEXT, p->start, p->e->text_count - 1, 0.0));
    return next(p);
}

static sj_status parse_primary(parser *p) {
    if (p->kind == T_NUMBER) {
        SJ_TRY(emit(p, OP_NUMBER, p->start, 0, p->number));
        return next(p);
    }
    if (p->kind == T_TEXT) {
        return parse_text(p);
    }
    if (p->kind == T_NAME) {
        return parse_name(p);
    }
    if (!is(p, T_SYMBOL, "(")) {
        return expected(p, "a value");
    }
    SJ_TRY(enter(p));
    SJ_TRY(next(p));
    SJ_TRY(parse_or(p));
    p->nesting--;
    return take(p, ")");
}

static sj_status parse_unary(parser *p) {
    if (!is(p, T_SYMBOL, "-")) {
        return parse_primary(p);
    }
    const char *at = p->start;
    SJ_TRY(enter(p));
    SJ_TRY(next(p));
    SJ_TRY(parse_unary(p));
    p->nesting--;
    return emit(p, OP_NEGATE, at, 0, 0.0);
}

typedef struct infix {
    const char *symbol;
    expr_op op;
} infix;

static const infix *find_infix(const parser *p, const infix list[], int count) {
    for (int i = 0; i < count; i++) {
        if (is(p, T_SYMBOL, list[i].symbol)) {
            return &list[i];
        }
    }
    return NULL;
}

static sj_status parse_product(parser *p) {
    static const infix list[] = {{"*", OP_MULTIPLY}, {"/", OP_DIVIDE}, {"%", OP_REMAINDER}};
    SJ_TRY(parse_unary(p));
    for (const infix *found; (found = find_infix(p, list, 3)) != NULL;) {
        const char *at = p->start;
        SJ_TRY(next(p));
        SJ_TRY(parse_unary(p));
        SJ_TRY(emit(p, found->op, at, 0, 0.0));
    }
    return SJ_OK;
}

static sj_status parse_sum(parser *p) {
    static const infix list[] = {{"+", OP_ADD}, {"-", OP_SUBTRACT}};
    SJ_TRY(parse_product(p));
    for (const infix *found; (found = find_infix(p, list, 2)) != NULL;) {
        const char *at = p->start;
        SJ_TRY(next(p));
        SJ_TRY(parse_product(p));
        SJ_TRY(emit(p, found->op, at, 0, 0.0));
    }
    return SJ_OK;
}

static sj_status parse_comparison(parser *p) {
    static const infix list[] = {{"==", OP_EQUAL}, {"!=", OP_UNEQUAL}, {"<", OP_LESS}, {"<=", OP_LESS_EQUAL}, {">", OP_GREATER}, {">=", OP_GREATER_EQUAL}};
    SJ_TRY(parse_sum(p));
    const infix *found = find_infix(p, list, 6);
    if (found == NULL) {
        return SJ_OK;
    }
    const char *at = p->start;
    SJ_TRY(next(p));
    SJ_TRY(parse_sum(p));
    SJ_TRY(emit(p, found->op, at, 0, 0.0));
    if (find_infix(p, list, 6) != NULL) {
        return fail_at(p, p->start, "comparisons are not chained; join two of them by \"and\"");
    }
    return SJ_OK;
}

static sj_status parse_not(parser *p) {
    if (!is(p, T_NAME, "not")) {
        return parse_comparison(p);
    }
    const char *at = p->start;
    SJ_TRY(enter(p));
    SJ_TRY(next(p));
    SJ_TRY(parse_not(p));
    p->nesting--;
    return emit(p, OP_NOT, at, 0, 0.0);
}

// a and b: a, OP_AND to behind, b, OP_TRUTH. The same for or.
static sj_status parse_joined(parser *p, const char *word, expr_op op, sj_status (*parse_side)(parser *)) {
    SJ_TRY(parse_side(p));
    while (is(p, T_NAME, word)) {
        const char *at = p->start;
        const int jump = p->e->code_count;
        SJ_TRY(emit(p, op, at, 0, 0.0));
        SJ_TRY(next(p));
        SJ_TRY(parse_side(p));
        SJ_TRY(emit(p, OP_TRUTH, at, (int)op, 0.0));
        p->e->code[jump].operand = p->e->code_count;
    }
    return SJ_OK;
}

static sj_status parse_and(parser *p) { return parse_joined(p, "and", OP_AND, parse_not); }

static sj_status parse_or(parser *p) { return parse_joined(p, "or", OP_OR, parse_and); }

sj_status sj_expr_parse(const char *text, sj_expr **out, sj_error *err) {
    *out = NULL;
    sj_expr *e = calloc(1, sizeof *e);
    if (e == NULL || (e->text = strdup(text)) == NULL) {
        free(e);
        return SJ_FAIL(err, SJ_ERR_MEMORY, "expression \"%.200s\": no memory", text);
    }
    parser p = {.e = e, .err = err, .at = e->text, .start = e->text};
    sj_status status = next(&p);
    if (status == SJ_OK) {
        status = parse_or(&p);
    }
    if (status == SJ_OK && p.kind != T_END) {
        status = expected(&p, "an operator or the end");
    }
    if (status != SJ_OK) {
        sj_expr_free(e);
        return status;
    }
    *out = e;
    return SJ_OK;
}
