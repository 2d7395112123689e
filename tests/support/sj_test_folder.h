// SPDX-License-Identifier: Apache-2.0
// A folder of a test's own under $TMPDIR, else under the system's folder for such.
#ifndef SJ_TEST_FOLDER_H
#define SJ_TEST_FOLDER_H

#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

#define SJ_TEST_FOLDER_MAX 512

// Makes the folder and enters it; false where that fails. `folder` has its whole name then.
static inline bool sj_test_enter_folder(char folder[SJ_TEST_FOLDER_MAX]) {
    const char *base = getenv("TMPDIR");
    const int length = snprintf(folder, SJ_TEST_FOLDER_MAX, "%s/sj-test-XXXXXX", base != NULL && base[0] != '\0' ? base : P_tmpdir);
    return length < SJ_TEST_FOLDER_MAX && mkdtemp(folder) != NULL && chdir(folder) == 0 && getcwd(folder, SJ_TEST_FOLDER_MAX) != NULL;
}

// Leaves it and removes it with all that it holds.
static inline bool sj_test_leave_folder(const char *folder) {
    char command[SJ_TEST_FOLDER_MAX + 16];
    snprintf(command, sizeof command, "rm -rf '%s'", folder);
    return chdir("/") == 0 && system(command) == 0;
}

#endif
