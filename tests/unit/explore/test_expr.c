// SPDX-License-Identifier: Apache-2.0
// Expressions against a tree that is evaluated as it was drawn: its text goes through the parser with no more parentheses than the grammar needs, and some more.
#include "sj_test.h"

#include <math.h>

#include "sj_expr.h"

static sj_error err;

// ---- Names that the tests know.
static const char *const known_names[] = {"a", "b", "array.rows", "layers.[2].k_1", "flag", "dram.type", "big"};
static int lookups;

static sj_status look_up(void *context, const char *name, sj_expr_value *out, sj_error *e) {
    static const double numbers[] = {3.0, -2.5, 16.0, 7.0};
    lookups++;
    for (int i = 0; i < 4; i++) {
        if (strcmp(name, known_names[i]) == 0) {
            *out = (sj_expr_value){.type = SJ_EXPR_NUMBER, .number = numbers[i]};
            return SJ_OK;
        }
    }
    if (strcmp(name, "flag") == 0) {
        *out = (sj_expr_value){.type = SJ_EXPR_BOOL, .truth = true};
        return SJ_OK;
    }
    if (strcmp(name, "dram.type") == 0) {
        *out = (sj_expr_value){.type = SJ_EXPR_TEXT, .text = "hbm2-2000-1x128"};
        return SJ_OK;
    }
    if (strcmp(name, "infinite") == 0) {
        *out = (sj_expr_value){.type = SJ_EXPR_NUMBER, .number = (double)INFINITY};
        return SJ_OK;
    }
    return SJ_FAIL(e, SJ_ERR_RANGE, "there is no \"%s\"", name);
}

static sj_status eval_text(const char *text, sj_expr_value *out) {
    sj_expr *e;
    const sj_status parsed = sj_expr_parse(text, &e, &err);
    if (parsed != SJ_OK) {
        assert_null(e);
        return parsed;
    }
    assert_string_equal(sj_expr_text(e), text);
    const sj_status status = sj_expr_eval(e, look_up, NULL, out, &err);
    sj_expr_free(e);  // a text of the expression itself is not looked at behind this
    return status;
}

static void assert_number(const char *text, double wanted) {
    sj_expr_value v;
    if (eval_text(text, &v) != SJ_OK) {
        fail_msg("%s", err.message);
    }
    assert_int_equal(v.type, SJ_EXPR_NUMBER);
    if (v.number != wanted) {
        fail_msg("%s is %.17g and should be %.17g", text, v.number, wanted);
    }
}

static void assert_truth(const char *text, bool wanted) {
    sj_expr_value v;
    if (eval_text(text, &v) != SJ_OK) {
        fail_msg("%s", err.message);
    }
    assert_int_equal(v.type, SJ_EXPR_BOOL);
    if (v.truth != wanted) {
        fail_msg("%s is %s", text, v.truth ? "true" : "false");
    }
}

static void assert_says(const char *text, const char *sentence) {
    sj_expr_value v;
    const bool numeric = strstr(sentence, "division by zero") != NULL || strstr(sentence, "takes whole numbers") != NULL || strstr(sentence, "log2 of") != NULL || strstr(sentence, "the result of") != NULL || strstr(sentence, "not a finite") != NULL;
    assert_int_equal(eval_text(text, &v), numeric ? SJ_ERR_NUMERIC : SJ_ERR_CONFIG);
    char whole[1024];
    snprintf(whole, sizeof whole, "expression \"%s\"%s", text, sentence);
    assert_string_equal(err.message, whole);
}

static void operators_bind_as_the_grammar_says(void **state) {
    assert_number("2 + 3 * 4", 14);
    assert_number("(2 + 3) * 4", 20);
    assert_number("20 - 5 - 3", 12);
    assert_number("100 / 10 / 5", 2);
    assert_number("7 / 2", 3.5);
    assert_number("17 % 10 * 2", 14);
    assert_number("-7 % 3", -1);
    assert_number("7 % -3", 1);
    assert_number("-2 * 3", -6);
    assert_number("2 - -3", 5);
    assert_number("--3", 3);
    assert_number("min(5, 2 + 1, 9)", 3);
    assert_number("max(1, a * 2)", 6);
    assert_number("log2(array.rows) + 1", 5);
    assert_number("max(min(1, 2), min(3, 4), 2.5)", 3);
    assert_number("1e3 + 2.5E-1 + .5 + 3.", 1003.75);
    assert_number(" layers.[2].k_1\t* 2\n", 14);
    assert_truth("not a == b", true);
    assert_truth("not not flag", true);
    assert_truth("true or false and false", true);
    assert_truth("(true or false) and false", false);
    assert_truth("1 + 1 == 2 and 2 * 2 != 5", true);
    assert_truth("not true or true", true);
    assert_truth("not (true or true)", false);
    assert_truth("1 < 2 and 2 <= 2 and 3 > 2 and 2 >= 2", true);
    assert_truth("2 < 2 or 3 <= 2 or 2 > 2 or 2 >= 3", false);
    assert_truth("dram.type == \"hbm2-2000-1x128\"", true);
    assert_truth("dram.type != \"hbm2-2000-1x128\"", false);
    assert_truth("\"a\\\"b\\\\\" == \"a\\\"b\\\\\" and \"a\\b\" == \"ab\"", true);
    assert_truth("flag == true and flag != false", true);
}

// Names that begin as a word of the grammar does are names.
static sj_status words(void *context, const char *name, sj_expr_value *out, sj_error *e) {
    *out = (sj_expr_value){.type = SJ_EXPR_NUMBER, .number = (double)strlen(name)};
    return SJ_OK;
}

static void words_within_names_are_no_operators(void **state) {
    sj_expr *e;
    assert_int_equal(sj_expr_parse("android + notes + oracle + min + max.x + log2 + truely + _ + x[12].y", &e, &err), SJ_OK);
    sj_expr_value v;
    assert_int_equal(sj_expr_eval(e, words, NULL, &v, &err), SJ_OK);
    assert_true(v.number == 7 + 5 + 6 + 3 + 5 + 4 + 6 + 1 + 7);
    sj_expr_free(e);
}

static void names_are_told_once_in_their_order(void **state) {
    sj_expr *e;
    assert_int_equal(sj_expr_parse("b * a + b > min(c.d, a) and true or \"e\" == e", &e, &err), SJ_OK);
    static const char *const wanted[] = {"b", "a", "c.d", "e"};
    for (int i = 0; i < 4; i++) {
        assert_string_equal(sj_expr_name(e, i), wanted[i]);
    }
    assert_null(sj_expr_name(e, 4));
    assert_null(sj_expr_name(e, -1));
    sj_expr_free(e);
    sj_expr_free(NULL);
    assert_int_equal(sj_expr_parse("1 < 2", &e, &err), SJ_OK);
    assert_null(sj_expr_name(e, 0));
    sj_expr_free(e);
}

static void the_side_that_does_not_decide_is_not_looked_at(void **state) {
    assert_truth("false and 1 / 0 > 1", false);
    assert_truth("true or 1 / 0 > 1", true);
    assert_truth("true or nobody", true);
    assert_truth("false and nobody or flag", true);
    assert_truth("false and nobody and nobody", false);
    lookups = 0;
    assert_truth("a == 4 and b == 1 and array.rows == 2", false);
    assert_int_equal(lookups, 1);
    assert_says("true and 1 / 0 > 1", ", column 12: 1 / 0: a division by zero");
    assert_says("false or 1 == flag", ", column 12: \"==\" compares a number with true or false");
}

static void what_does_not_parse_is_told_with_its_column(void **state) {
    assert_says("", ", column 1: it ends where a value is needed");
    assert_says("1 +", ", column 4: it ends where a value is needed");
    assert_says("a * * b", ", column 5: \"*\" stands where a value is needed");
    assert_says("a b", ", column 3: \"b\" stands where an operator or the end is needed");
    assert_says("(a", ", column 3: it ends where \")\" is needed");
    assert_says("a)", ", column 2: \")\" stands where an operator or the end is needed");
    assert_says("a and and b", ", column 7: \"and\" stands where a value is needed");
    assert_says("1 + not flag", ", column 5: \"not\" stands where a value is needed");
    assert_says("a < b < 3", ", column 7: comparisons are not chained; join two of them by \"and\"");
    assert_says("a == b != flag", ", column 8: comparisons are not chained; join two of them by \"and\"");
    assert_says("a = 3", ", column 3: \"=\" is no operator; write \"==\"");
    assert_says("a ! b", ", column 3: \"!\" is no operator");
    assert_says("a && b", ", column 3: \"&\" is no operator");
    assert_says("a \x01", ", column 3: the byte 0x01 is no operator");
    assert_says("16x16", ", column 1: \"16x16\" is not a number");
    assert_says("2 + 0x10", ", column 5: \"0x10\" is not a number");
    assert_says("1.2.3", ", column 1: \"1.2.3\" is not a number");
    assert_says("1e400", ", column 1: the number 1e400 is too large");
    assert_says("a. + 1", ", column 3: a name is needed behind \".\"");
    assert_says("a.[x]", ", column 4: a number and \"]\" are needed");
    assert_says("a[2", ", column 3: a number and \"]\" are needed");
    assert_says("a == \"b", ", column 6: the string has no end");
    assert_says("min(a)", ", column 6: \")\" stands where \",\" is needed");
    assert_says("min()", ", column 5: \")\" stands where a value is needed");
    assert_says("log2(1, 2)", ", column 7: \",\" stands where \")\" is needed");
    assert_says("1 + lg2(4)", ", column 5: there is no function \"lg2\"; there are min, max and log2; did you mean \"log2\"?");
    assert_says("sqrtofall(4)", ", column 1: there is no function \"sqrtofall\"; there are min, max and log2");
}

static void wrong_operands_are_told(void **state) {
    assert_says("1 + flag", ", column 3: \"+\" takes a number, and not true or false");
    assert_says("dram.type < 3", ", column 11: \"<\" takes a number, and not a string");
    assert_says("-flag", ", column 1: \"-\" takes a number, and not true or false");
    assert_says("not a", ", column 1: \"not\" takes true or false, and not a number");
    assert_says("a and flag", ", column 3: \"and\" takes true or false, and not a number");
    assert_says("flag and a", ", column 6: \"and\" takes true or false, and not a number");
    assert_says("not flag or dram.type", ", column 10: \"or\" takes true or false, and not a string");
    assert_says("a == \"3\"", ", column 3: \"==\" compares a number with a string");
    assert_says("flag != 1", ", column 6: \"!=\" compares true or false with a number");
    assert_says("min(1, \"x\")", ", column 1: \"min\" takes a number, and not a string");
    assert_says("a / (a - 3)", ", column 3: 3 / 0: a division by zero");
    assert_says("a % (a - 3)", ", column 3: 3 % 0: a division by zero");
    assert_says("b % 2", ", column 3: -2.5 % 2: \"%\" takes whole numbers");
    assert_says("5 % b", ", column 3: 5 % -2.5: \"%\" takes whole numbers");
    assert_says("log2(a - 3)", ", column 1: log2 of 0; it must be greater than 0");
    assert_says("1e308 * 10", ", column 7: the result of 1e+308 * 10 is too large");
    assert_says("infinite + 1", ", column 1: \"infinite\" is inf, which is not a finite number");
    sj_expr_value v;
    assert_int_equal(eval_text("a + nobody", &v), SJ_ERR_RANGE);  // as the lookup says
    assert_string_equal(err.message, "expression \"a + nobody\", column 5: there is no \"nobody\"");
}

static void only_what_is_true_or_false_holds(void **state) {
    static const struct {
        const char *text;
        int status;
        bool wanted;
    } cases[] = {{"a == 3", SJ_OK, true}, {"a == 4", SJ_OK, false}, {"a", SJ_ERR_CONFIG, false}, {"\"true\"", SJ_ERR_CONFIG, false}};
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        sj_expr *e;
        assert_int_equal(sj_expr_parse(cases[i].text, &e, &err), SJ_OK);
        bool holds = !cases[i].wanted;
        assert_int_equal(sj_expr_holds(e, look_up, NULL, &holds, &err), cases[i].status);
        if (cases[i].status == SJ_OK) {
            assert_int_equal(holds, cases[i].wanted);
        } else {
            assert_non_null(strstr(err.message, "it must be true or false"));
        }
        sj_expr_free(e);
    }
}

// ---- Nesting: up to the limit it is computed, past it refused, and a chain has none.
static char *nested(int levels, const char *open, const char *inside, const char *close) {
    char *text = calloc((size_t)levels * (strlen(open) + strlen(close)) + strlen(inside) + 1, 1), *end = text;
    assert_non_null(text);
    for (int i = 0; i < levels; i++) {
        end += sprintf(end, "%s", open);
    }
    end += sprintf(end, "%s", inside);
    for (int i = 0; i < levels; i++) {
        end += sprintf(end, "%s", close);
    }
    return text;
}

static void nesting_has_a_limit_and_chains_have_none(void **state) {
    static const char *const shapes[][3] = {{"(", "1", ")"}, {"-", "1", ""}, {"not ", "true", ""}, {"0 < 1 and 1 == 2 + 3 * min(0, ", "1", ")"}, {"1 + 1 * max(1, ", "1", ")"}};
    for (size_t s = 0; s < sizeof shapes / sizeof *shapes; s++) {
        sj_expr_value v;
        char *most = nested(64, shapes[s][0], shapes[s][1], shapes[s][2]), *more = nested(65, shapes[s][0], shapes[s][1], shapes[s][2]);
        sj_expr *e;
        assert_int_equal(sj_expr_parse(most, &e, &err), SJ_OK);
        if (s != 3) {
            assert_int_equal(sj_expr_eval(e, look_up, NULL, &v, &err), SJ_OK);
        }
        sj_expr_free(e);
        assert_int_equal(sj_expr_parse(more, &e, &err), SJ_ERR_CONFIG);
        assert_non_null(strstr(err.message, "it is nested more than 64 levels deep"));
        free(most);
        free(more);
    }
    enum { LINKS = 200000 };
    char *chain = nested(LINKS, "1 + ", "1", "");
    assert_number(chain, LINKS + 1);
    free(chain);
    chain = nested(LINKS, "true and ", "false", "");
    assert_truth(chain, false);
    free(chain);
    chain = nested(0, "", "(1) + (2) + (3)", "");
    assert_number(chain, 6);  // what is closed counts no more
    free(chain);
}

// ---- The oracle.
typedef enum kind { K_NUMBER, K_NAME, K_NEGATE, K_LOG2, K_ADD, K_SUB, K_MUL, K_DIV, K_REM, K_MIN, K_MAX, K_TRUE, K_NOT, K_AND, K_OR, K_LT, K_LE, K_GT, K_GE, K_EQ, K_NE } kind;

typedef struct node {
    kind k;
    double number;  // K_NUMBER, K_TRUE (0: false)
    int name;
    struct node *left, *right;
} node;

static node *new_node(kind k, node *left, node *right) {
    node *n = calloc(1, sizeof *n);
    assert_non_null(n);
    *n = (node){.k = k, .left = left, .right = right};
    return n;
}

static node *draw(sj_random *r, int depth, bool truth);

static node *draw_number(sj_random *r, int depth) {
    if (depth == 0 || sj_random_below(r, 4) == 0) {
        node *n = new_node(sj_random_below(r, 3) == 0 ? K_NAME : K_NUMBER, NULL, NULL);
        n->name = (int)sj_random_below(r, 4);
        n->number = sj_random_below(r, 2) == 0 ? (double)sj_random_below(r, 10) : sj_random_unit(r) * 8.0;
        return n;
    }
    const kind k = (kind)(K_NEGATE + sj_random_below(r, K_MAX - K_NEGATE + 1));
    node *left = draw(r, depth - 1, false);
    return new_node(k, left, k == K_NEGATE || k == K_LOG2 ? NULL : draw(r, depth - 1, false));
}

static node *draw(sj_random *r, int depth, bool truth) {
    if (!truth) {
        return draw_number(r, depth);
    }
    if (depth == 0) {
        node *n = new_node(K_TRUE, NULL, NULL);
        n->number = (double)sj_random_below(r, 2);
        return n;
    }
    const kind k = (kind)(K_NOT + sj_random_below(r, K_NE - K_NOT + 1));
    const bool inner = k <= K_OR || (k >= K_EQ && sj_random_below(r, 2) == 0);
    node *left = draw(r, depth - 1, inner);
    return new_node(k, left, k == K_NOT ? NULL : draw(r, depth - 1, inner));
}

static void drop(node *n) {
    if (n != NULL) {
        drop(n->left);
        drop(n->right);
        free(n);
    }
}

static int level(kind k) {
    switch (k) {
        case K_OR: return 0;
        case K_AND: return 1;
        case K_NOT: return 2;
        case K_LT:
        case K_LE:
        case K_GT:
        case K_GE:
        case K_EQ:
        case K_NE: return 3;
        case K_ADD:
        case K_SUB: return 4;
        case K_MUL:
        case K_DIV:
        case K_REM: return 5;
        case K_NEGATE: return 6;
        default: return 7;
    }
}

static void print(FILE *f, sj_random *r, const node *n, int least) {
    static const char *const symbols[] = {"", "", "-", "log2", "+", "-", "*", "/", "%", "min", "max", "", "not ", " and ", " or ", "<", "<=", ">", ">=", "==", "!="};
    const bool wrapped = level(n->k) < least || sj_random_below(r, 8) == 0;
    const char *space = sj_random_below(r, 2) == 0 ? " " : "";
    const int own = level(n->k);
    fputs(wrapped ? "(" : "", f);
    switch (n->k) {
        case K_NUMBER: fprintf(f, "%.17g", n->number); break;
        case K_NAME: fputs(known_names[n->name], f); break;
        case K_TRUE: fputs(n->number != 0.0 ? "true" : "false", f); break;
        case K_NEGATE:
        case K_NOT:
            fprintf(f, "%s", symbols[n->k]);
            print(f, r, n->left, own);
            break;
        case K_LOG2:
        case K_MIN:
        case K_MAX:
            fprintf(f, "%s%s(", symbols[n->k], space);
            print(f, r, n->left, 0);
            if (n->right != NULL) {
                fprintf(f, "%s,", space);
                print(f, r, n->right, 0);
            }
            fputs(")", f);
            break;
        default:
            print(f, r, n->left, own == 3 ? 4 : own);
            fprintf(f, "%s%s%s", space, symbols[n->k], space);
            print(f, r, n->right, own + 1);
    }
    fputs(wrapped ? ")" : "", f);
}

// The value, true and false as 1 and 0; *wrong where there is none. Every operator has its plain meaning.
static double value_of(const node *n, bool *wrong) {
    static const double names[] = {3.0, -2.5, 16.0, 7.0};
    const double a = n->left != NULL ? value_of(n->left, wrong) : 0.0;
    if (*wrong || (n->k == K_AND && a == 0.0) || (n->k == K_OR && a != 0.0)) {
        return a;
    }
    const double b = n->right != NULL ? value_of(n->right, wrong) : 0.0;
    if (*wrong) {
        return 0.0;
    }
    double result = 0.0;
    switch (n->k) {
        case K_NUMBER:
        case K_TRUE: return n->number;
        case K_NAME: return names[n->name];
        case K_NEGATE: return -a;
        case K_NOT: return a == 0.0;
        case K_AND:
        case K_OR: return b;
        case K_LT: return a < b;
        case K_LE: return a <= b;
        case K_GT: return a > b;
        case K_GE: return a >= b;
        case K_EQ: return a == b;
        case K_NE: return a != b;
        case K_ADD: result = a + b; break;
        case K_SUB: result = a - b; break;
        case K_MUL: result = a * b; break;
        case K_DIV: result = a / b; break;
        case K_MIN: result = a < b ? a : b; break;
        case K_MAX: result = a > b ? a : b; break;
        case K_LOG2: result = a > 0.0 ? log2(a) : (double)NAN; break;
        case K_REM: result = floor(a) == a && floor(b) == b ? fmod(a, b) : (double)NAN; break;
    }
    *wrong = !isfinite(result);
    return result;
}

static void random_expressions_are_worth_what_their_trees_are(void **state) {
    sj_random r = sj_random_seed(sj_test_seed(20250301));
    int right = 0, wrong_ones = 0;
    for (int i = 0; i < 20000; i++) {
        const bool truth = sj_random_below(&r, 2) == 0;
        node *n = draw(&r, (int)sj_random_below(&r, 6), truth);
        char *text = NULL;
        size_t size;
        FILE *f = open_memstream(&text, &size);
        assert_non_null(f);
        print(f, &r, n, 0);
        fclose(f);
        bool wrong = false;
        const double wanted = value_of(n, &wrong);
        sj_expr_value got;
        const sj_status status = eval_text(text, &got);
        if (wrong ? status != SJ_ERR_CONFIG && status != SJ_ERR_NUMERIC : status != SJ_OK) {
            fail_msg("%s: %s", text, status == SJ_OK ? "it has a value and should have none" : err.message);
        }
        if (!wrong && (truth ? got.type != SJ_EXPR_BOOL || got.truth != (wanted != 0.0) : got.type != SJ_EXPR_NUMBER || got.number != wanted)) {
            fail_msg("%s: %.17g and not %.17g", text, truth ? (double)got.truth : got.number, wanted);
        }
        right += !wrong;
        wrong_ones += wrong;
        free(text);
        drop(n);
    }
    assert_true(right > 5000 && wrong_ones > 1000);  // both were met
}

// Whatever the text, the parser returns; what it takes can be evaluated.
static void any_text_is_taken_or_refused(void **state) {
    static const char *const pieces[] = {"a", "b", "flag", "(", ")", "1", "2.5", "+", "-", "*", "/", "%", "<", "==", "!=", " and ", " or ", " not ", ",", "min(", "log2(", "\"s\"", "[", "]", ".", "=", "\"", " ", "\\", "e9", "true"};
    sj_random r = sj_random_seed(sj_test_seed(77));
    int taken = 0;
    for (int i = 0; i < 50000; i++) {
        char text[256] = "";
        const int count = (int)sj_random_below(&r, 12);
        for (int p = 0; p < count; p++) {
            strcat(text, pieces[sj_random_below(&r, sizeof pieces / sizeof *pieces)]);
        }
        sj_expr_value v;
        err.message[0] = '\0';
        if (eval_text(text, &v) == SJ_OK) {
            taken++;
        } else if (strncmp(err.message, "expression \"", 12) != 0) {
            fail_msg("%s: %s", text, err.message);
        }
    }
    assert_true(taken > 1000);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(operators_bind_as_the_grammar_says), cmocka_unit_test(words_within_names_are_no_operators), cmocka_unit_test(names_are_told_once_in_their_order),
        cmocka_unit_test(the_side_that_does_not_decide_is_not_looked_at), cmocka_unit_test(what_does_not_parse_is_told_with_its_column), cmocka_unit_test(wrong_operands_are_told),
        cmocka_unit_test(only_what_is_true_or_false_holds), cmocka_unit_test(nesting_has_a_limit_and_chains_have_none),
        cmocka_unit_test(random_expressions_are_worth_what_their_trees_are), cmocka_unit_test(any_text_is_taken_or_refused),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
