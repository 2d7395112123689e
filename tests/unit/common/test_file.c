// SPDX-License-Identifier: Apache-2.0
#include <dirent.h>
#include <errno.h>
#include <setjmp.h>
#include <signal.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cmocka.h>

#include "sj_bf16.h"
#include "sj_file.h"
#include "sj_progress.h"
#include "sj_random.h"
#include "sj_test_folder.h"

static sj_error err;
static char folder[SJ_TEST_FOLDER_MAX];

static int enter_folder(void **state) {
    return !sj_test_enter_folder(folder);
}

static int entries(const char *path) {
    int count = 0;
    DIR *dir = opendir(path);
    assert_non_null(dir);
    while (readdir(dir) != NULL) {
        count++;
    }
    closedir(dir);
    return count - 2;
}

static int leave_folder(void **state) {
    return !sj_test_leave_folder(folder);
}

static void write_file(const char *path, const char *text) {
    sj_atomic_file f;
    assert_int_equal(sj_atomic_open(&f, path, &err), SJ_OK);
    assert_true(fputs(text, f.stream) >= 0);
    assert_int_equal(sj_atomic_commit(&f, &err), SJ_OK);
}

static void assert_content(const char *path, const char *text) {
    char *data;
    size_t bytes;
    assert_int_equal(sj_read_file(path, &data, &bytes, &err), SJ_OK);
    assert_int_equal(bytes, strlen(text));
    assert_string_equal(data, text);
    free(data);
}

static void a_file_appears_whole_at_commit(void **state) {
    sj_atomic_file f;
    write_file("a", "old");
    assert_int_equal(sj_atomic_open(&f, "a", &err), SJ_OK);
    fputs("new", f.stream);
    fflush(f.stream);
    assert_content("a", "old");
    assert_int_equal(sj_atomic_commit(&f, &err), SJ_OK);
    assert_content("a", "new");
    assert_int_equal(entries("."), 1);
    sj_atomic_abandon(&f);  // safe after commit
    assert_content("a", "new");
}

static void an_abandoned_file_leaves_nothing(void **state) {
    sj_atomic_file f;
    assert_int_equal(sj_atomic_open(&f, "a", &err), SJ_OK);
    assert_int_equal(entries("."), 1);
    sj_atomic_abandon(&f);
    assert_int_equal(entries("."), 0);
}

static void a_full_disk_leaves_nothing_and_keeps_the_old_file(void **state) {
    struct rlimit old, small;
    write_file("a", "old");
    assert_int_equal(getrlimit(RLIMIT_FSIZE, &old), 0);
    small = old;
    small.rlim_cur = 10000;
    signal(SIGXFSZ, SIG_IGN);
    sj_atomic_file f;
    assert_int_equal(sj_atomic_open(&f, "a", &err), SJ_OK);
    setrlimit(RLIMIT_FSIZE, &small);
    for (int i = 0; i < 5000; i++) {
        fputs("0123456789", f.stream);
    }
    const sj_status status = sj_atomic_commit(&f, &err);
    setrlimit(RLIMIT_FSIZE, &old);
    assert_int_equal(status, SJ_ERR_IO);
    assert_non_null(strstr(err.message, "a: cannot write: "));
    assert_int_equal(entries("."), 1);
    assert_content("a", "old");
}

static void a_missing_folder_is_an_error(void **state) {
    sj_atomic_file f;
    assert_int_equal(sj_atomic_open(&f, "none/a", &err), SJ_ERR_IO);
    assert_string_equal(err.message, "none/a: cannot write: No such file or directory");
}

static void reading_names_the_cause(void **state) {
    char *data;
    size_t bytes;
    assert_int_equal(sj_read_file("none", &data, &bytes, &err), SJ_ERR_IO);
    assert_string_equal(err.message, "none: cannot open: No such file or directory");
    assert_int_equal(sj_read_file(".", &data, &bytes, &err), SJ_ERR_IO);
    assert_string_equal(err.message, ".: cannot read: Is a directory");
    assert_null(data);
}

static void large_files_are_read_whole(void **state) {
    for (size_t size = 65534; size <= 65537; size++) {  // around the first buffer
        FILE *f = fopen("big", "wb");
        for (size_t i = 0; i < size; i++) {
            fputc((int)(i % 251), f);
        }
        fclose(f);
        char *data;
        size_t bytes;
        assert_int_equal(sj_read_file("big", &data, &bytes, &err), SJ_OK);
        assert_int_equal(bytes, size);
        assert_int_equal((unsigned char)data[size - 1], (size - 1) % 251);
        assert_int_equal(data[size], 0);
        free(data);
    }
}

static void run_folders_are_made_or_refused(void **state) {
    assert_int_equal(sj_make_run_dir("runs/deep/one", false, &err), SJ_OK);
    assert_int_equal(sj_make_run_dir("runs/deep/one", false, &err), SJ_OK);  // empty
    write_file("runs/deep/one/file", "x");
    assert_int_equal(sj_make_run_dir("runs/deep/one", false, &err), SJ_ERR_EXISTS);
    assert_string_equal(err.message, "runs/deep/one: the folder exists and is not empty; give another one, or --force");
    assert_int_equal(sj_make_run_dir("runs/deep/one", true, &err), SJ_OK);
    assert_content("runs/deep/one/file", "x");
    assert_int_equal(sj_make_run_dir("runs/deep/one/file", true, &err), SJ_ERR_EXISTS);
    assert_int_equal(sj_make_run_dir("runs/deep/one/file/below", true, &err), SJ_ERR_IO);
    assert_true(sj_path_exists("runs/deep"));
    assert_false(sj_path_exists("runs/none"));
}

static void the_hash_is_fnv1a_64(void **state) {
    char hex[17];
    write_file("empty", "");
    write_file("a", "a");
    write_file("foobar", "foobar");
    assert_int_equal(sj_file_hash("empty", hex, &err), SJ_OK);
    assert_string_equal(hex, "cbf29ce484222325");
    assert_int_equal(sj_file_hash("a", hex, &err), SJ_OK);
    assert_string_equal(hex, "af63dc4c8601ec8c");
    assert_int_equal(sj_file_hash("foobar", hex, &err), SJ_OK);
    assert_string_equal(hex, "85944171f73967e8");
    assert_int_equal(sj_file_hash("none", hex, &err), SJ_ERR_IO);
}

static void allocation_refuses_what_overflows(void **state) {
    void *p;
    assert_int_equal(sj_alloc(&p, UINT64_MAX / 2, 4, "x", &err), SJ_ERR_RANGE);
    assert_null(p);
    assert_int_equal(sj_alloc(&p, 0, 4, "x", &err), SJ_OK);
    assert_non_null(p);
    free(p);
    assert_int_equal(sj_alloc(&p, 100, 4, "x", &err), SJ_OK);
    for (int i = 0; i < 400; i++) {
        assert_int_equal(((unsigned char *)p)[i], 0);
    }
    free(p);
}

static void bf16_rounds_to_nearest_even_and_flushes(void **state) {
    static const struct {
        uint32_t in;
        uint16_t out;
    } cases[] = {{0x3f800000, 0x3f80}, {0x3f808000, 0x3f80}, {0x3f808001, 0x3f81}, {0x3f818000, 0x3f82}, {0x3f817fff, 0x3f81}, {0x80000000, 0}, {0x00000001, 0},
                 {0x007fffff, 0x0080}, {0x007f7fff, 0}, {0x807f0000, 0}, {0x00800000, 0x0080}, {0x7f7fffff, 0x7f80}, {0x7f7f7fff, 0x7f7f}, {0xff800000, 0xff80}};
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        assert_int_equal(sj_bf16_from_f32(sj_bits_f32(cases[i].in)), cases[i].out);
    }
    assert_false(sj_bf16_finite(sj_bf16_from_f32(sj_bits_f32(0x7f800001))));
    assert_true((sj_bf16_from_f32(sj_bits_f32(0x7f800001)) & 0x7f) != 0);
}

static void random_numbers_start_as_documented(void **state) {
    sj_random r = sj_random_seed(0);
    assert_int_equal(sj_random_u64(&r), 0xe220a8397b1dcdaf);
    assert_int_equal(sj_random_u64(&r), 0x6e789e6aa1b965f4);
}

static void progress_is_silent_where_stderr_is_no_terminal(void **state) {
    const int saved = dup(STDERR_FILENO);
    assert_non_null(freopen("err", "w", stderr));
    sj_progress p;
    sj_progress_start(&p, "x", 10, false);
    sj_progress_update(&p, 5, "note");
    sj_progress_clear(&p);
    fflush(stderr);
    dup2(saved, STDERR_FILENO);
    close(saved);
    assert_content("err", "");
}

#define IN_FOLDER(test) cmocka_unit_test_setup_teardown(test, enter_folder, leave_folder)

static void touch(const char *path) {
    FILE *f = fopen(path, "w");
    assert_non_null(f);
    assert_int_equal(fclose(f), 0);
}

// Of dead processes and of this one, but of no other file and no living process (the parent).
static void leftovers_of_dead_writers_go(void **state) {
    char alive[64], own[64];
    const pid_t child = fork();
    if (child == 0) {
        _exit(0);
    }
    assert_int_equal(waitpid(child, NULL, 0), child);
    char dead[64];
    snprintf(dead, sizeof dead, "a.tmp-%ld", (long)child);
    snprintf(alive, sizeof alive, "a.tmp-%ld", (long)getppid());
    snprintf(own, sizeof own, "a.tmp-%ld", (long)getpid());
    touch(dead);
    touch(alive);
    touch(own);
    touch("a");
    touch("a.tmp-");
    touch("a.tmp-12x");
    touch("a.tmp-99999999999999999999");
    touch("b.tmp-99999999");
    assert_int_equal(sj_remove_leftovers("a", &err), SJ_OK);
    assert_int_equal(entries("."), 6);
    assert_false(sj_path_exists(dead) || sj_path_exists(own));
    touch(dead);
    char path[SJ_TEST_FOLDER_MAX + 8];
    snprintf(path, sizeof path, "%s/a", folder);
    assert_int_equal(sj_remove_leftovers(path, &err), SJ_OK);
    assert_int_equal(entries("."), 6);
    assert_int_equal(sj_remove_leftovers("none/a", &err), SJ_ERR_IO);
    assert_string_equal(err.message, "none/a: cannot look for what was left of it: No such file or directory");
}

int main(void) {
    const struct CMUnitTest tests[] = {
        IN_FOLDER(a_file_appears_whole_at_commit),
        IN_FOLDER(an_abandoned_file_leaves_nothing),
        IN_FOLDER(a_full_disk_leaves_nothing_and_keeps_the_old_file),
        IN_FOLDER(a_missing_folder_is_an_error),
        IN_FOLDER(reading_names_the_cause),
        IN_FOLDER(large_files_are_read_whole),
        IN_FOLDER(run_folders_are_made_or_refused),
        IN_FOLDER(the_hash_is_fnv1a_64),
        IN_FOLDER(leftovers_of_dead_writers_go),
        cmocka_unit_test(allocation_refuses_what_overflows),
        cmocka_unit_test(bf16_rounds_to_nearest_even_and_flushes),
        cmocka_unit_test(random_numbers_start_as_documented),
        IN_FOLDER(progress_is_silent_where_stderr_is_no_terminal),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
