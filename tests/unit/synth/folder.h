// SPDX-License-Identifier: Apache-2.0
// Each test in an empty folder of its own.
#ifndef FOLDER_H
#define FOLDER_H

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <cmocka.h>

#include "sj_test_folder.h"

static char folder[SJ_TEST_FOLDER_MAX];

static int enter(void **state) {
    (void)state;
    return !sj_test_enter_folder(folder);
}

static int leave(void **state) {
    (void)state;
    return !sj_test_leave_folder(folder);
}

#define IN_FOLDER(test) cmocka_unit_test_setup_teardown(test, enter, leave)

#endif
