// SPDX-License-Identifier: Apache-2.0
// The usual case of a test of the store: a folder of its own for each test, a sweep to store, one store in it.
#ifndef STORE_CASE_H
#define STORE_CASE_H

#include "store_fixture.h"

static sj_error err;
static char folder[SJ_TEST_FOLDER_MAX];
static fixture f;

static int enter_folder(void **state) {
    (void)state;
    fixture_make(&f);
    return !sj_test_enter_folder(folder);
}

static int leave_folder(void **state) {
    (void)state;
    return !sj_test_leave_folder(folder);
}

static inline sj_store *made(void) {
    sj_store *s = NULL;
    if (sj_store_create("a.db", &f.about, &s, &err) != SJ_OK) {
        fail_msg("%s", err.message);
    }
    return s;
}

static inline sj_store *opened(const sj_sweep_about *about) {
    sj_store *s = NULL;
    if (sj_store_open("a.db", about, &s, &err) != SJ_OK) {
        fail_msg("%s", err.message);
    }
    return s;
}

#define IN_FOLDER(test) cmocka_unit_test_setup_teardown(test, enter_folder, leave_folder)

#endif
