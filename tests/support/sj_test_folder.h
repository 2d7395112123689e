// SPDX-License-Identifier: Apache-2.0
// A folder of a test's own under $TMPDIR, else under the system's folder for such.
#ifndef SJ_TEST_FOLDER_H
#define SJ_TEST_FOLDER_H

#include <dirent.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

#define SJ_TEST_FOLDER_MAX 512

// Makes the folder; false where that fails.
static inline bool sj_test_make_folder(char folder[SJ_TEST_FOLDER_MAX]) {
    const char *base = getenv("TMPDIR");
    const int length = snprintf(folder, SJ_TEST_FOLDER_MAX, "%s/sj-test-XXXXXX", base != NULL && base[0] != '\0' ? base : P_tmpdir);
    return length < SJ_TEST_FOLDER_MAX && mkdtemp(folder) != NULL;
}

// Removes it with all that it holds.
static inline bool sj_test_remove_folder(const char *folder) {
    char command[SJ_TEST_FOLDER_MAX + 16];
    snprintf(command, sizeof command, "rm -r '%s'", folder);
    return system(command) == 0;
}

// Makes the folder and enters it; `folder` has its whole name then.
static inline bool sj_test_enter_folder(char folder[SJ_TEST_FOLDER_MAX]) {
    return sj_test_make_folder(folder) && chdir(folder) == 0 && getcwd(folder, SJ_TEST_FOLDER_MAX) != NULL;
}

// Leaves it and removes it.
static inline bool sj_test_leave_folder(const char *folder) { return chdir("/") == 0 && sj_test_remove_folder(folder); }

// Entries of the current folder; -1 where it cannot be read.
static inline int sj_test_entries(void) {
    DIR *dir = opendir(".");
    if (dir == NULL) {
        return -1;
    }
    int count = -2;  // itself and its parent
    while (readdir(dir) != NULL) {
        count++;
    }
    closedir(dir);
    return count;
}

#endif
