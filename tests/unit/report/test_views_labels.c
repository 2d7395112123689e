// SPDX-License-Identifier: Apache-2.0
// Runs' names: each is an end of its path, none is another's, and none is longer than it must be.
#include "views_fixture.h"

static char **labels_of(const char *const *paths, int count) {
    char **labels = NULL;
    OK(sj_view_labels(paths, count, &labels, &err));
    return labels;
}

static void free_labels(char **labels, int count) {
    for (int i = 0; i < count; i++) {
        free(labels[i]);
    }
    free(labels);
}

static void names_are_as_short_as_they_can_be(void **state) {
    static const char *const paths[] = {"/x/plain", "/x/eat/", "/x/one/sim", "/y/one/sim", "/y/two/sim", "/x/eat", "/z/<b>&\"|"};
    static const char *const wanted[] = {"plain", "eat", "x/one/sim", "y/one/sim", "two/sim", "eat (2)", "<b>&\"|"};
    char **labels = labels_of(paths, 7);
    for (int i = 0; i < 7; i++) {
        assert_string_equal(labels[i], wanted[i]);
    }
    free_labels(labels, 7);
}

static void odd_paths_have_names(void **state) {
    static const char *const paths[] = {"/", "/nowhere/a", "/nowhere/a (2)", "/nowhere/a", "a"};
    char **labels = labels_of(paths, 5);
    for (int i = 0; i < 5; i++) {
        assert_true(labels[i][0] != '\0');
        for (int j = 0; j < i; j++) {
            assert_string_not_equal(labels[i], labels[j]);
        }
    }
    free_labels(labels, 5);
    static const char *const here[] = {"."};
    char *folder = realpath(".", NULL);
    labels = labels_of(here, 1);
    assert_non_null(folder);
    assert_string_equal(labels[0], strrchr(folder, '/') + 1);
    free(folder);
    free_labels(labels, 1);
}

static void files_of_a_run_are_called_as_it(void **state) {
    static const char *const paths[] = {"/x/a/stats.json", "/x/b/run.json", "/x/c/one.json", "/x/c/two.json", "/y/c/two.json"};
    static const char *const wanted[] = {"a", "b", "one.json", "x/c/two.json", "y/c/two.json"};
    char **labels = labels_of(paths, 5);
    for (int i = 0; i < 5; i++) {
        assert_string_equal(labels[i], wanted[i]);
    }
    free_labels(labels, 5);
}

static bool ends_in(const char *path, const char *end) {
    const size_t length = strlen(path), tail = strlen(end);
    return length >= tail && strcmp(path + length - tail, end) == 0;
}

static void random_names_are_unique_ends(void **state) {
    sj_random r = sj_random_seed(test_seed());
    for (int repeat = 0; repeat < 300; repeat++) {
        char texts[12][64];
        const char *paths[12];
        const int count = 1 + (int)sj_random_below(&r, 12);
        for (int i = 0; i < count; i++) {
            strcpy(texts[i], "/nowhere");
            for (int part = (int)sj_random_below(&r, 4); part >= 0; part--) {
                static const char *const names[] = {"/a", "/b", "/a b"};
                strcat(texts[i], names[sj_random_below(&r, 3)]);
            }
            paths[i] = texts[i];
        }
        char **labels = labels_of(paths, count);
        for (int i = 0; i < count; i++) {
            bool repeated = false;
            for (int j = 0; j < i; j++) {
                assert_string_not_equal(labels[i], labels[j]);
                repeated = repeated || strcmp(texts[i], texts[j]) == 0;
            }
            assert_true(repeated ? strstr(labels[i], " (") != NULL : ends_in(texts[i], labels[i]));
            const char *shorter = strchr(labels[i] + 1, '/');  // without its first part another run would share it
            bool shared = shorter == NULL;
            for (int j = 0; j < count && !shared; j++) {
                shared = j != i && strcmp(texts[j], texts[i]) != 0 && ends_in(texts[j], shorter);
            }
            assert_true(shared || repeated);
        }
        free_labels(labels, count);
    }
}

int main(void) {
    const struct CMUnitTest tests[] = {cmocka_unit_test(names_are_as_short_as_they_can_be), cmocka_unit_test(odd_paths_have_names), cmocka_unit_test(files_of_a_run_are_called_as_it), cmocka_unit_test(random_names_are_unique_ends)};
    return cmocka_run_group_tests(tests, NULL, NULL);
}
