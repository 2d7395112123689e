// SPDX-License-Identifier: Apache-2.0
// The container: what goes in comes out, and a file that is not whole is never taken for one.
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <fcntl.h>
#include <signal.h>
#include <sys/resource.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#include <cmocka.h>

#include "helper.h"
#include "sj_checkpoint.h"
#include "sj_file.h"
#include "sj_test_folder.h"

static sj_error err;
static char folder[SJ_TEST_FOLDER_MAX];

static int enter(void **state) { return !sj_test_enter_folder(folder); }
static int leave(void **state) { return !sj_test_leave_folder(folder); }

static void assert_says(sj_status met, sj_status wanted, const char *message) {
    assert_string_equal(err.message, message);
    assert_int_equal(met, wanted);
}

static void assert_part(sj_status met, sj_status wanted, const char *part) {
    assert_int_equal(met, wanted);
    if (strstr(err.message, part) == NULL) {
        fail_msg("'%s' does not say '%s'", err.message, part);
    }
}

static void put_bytes(const char *path, const void *data, size_t bytes) { test_write_file(".", path, data, bytes); }

static void write_little(const char *path) {
    sj_checkpoint_writer *w;
    test_ok(sj_checkpoint_create(path, &w, &err), &err);
    test_ok(sj_checkpoint_add(w, "a/w", "12345", 5, &err), &err);
    test_ok(sj_checkpoint_add(w, "empty", NULL, 0, &err), &err);
    test_ok(sj_checkpoint_add(w, "b", "12345678", 8, &err), &err);
    test_ok(sj_checkpoint_commit(w, &err), &err);
}

static void sections_come_back(void **state) {
    sj_random r = sj_random_seed(test_seed(11));
    enum { SECTIONS = 200 };
    unsigned char *data[SECTIONS];
    size_t bytes[SECTIONS];
    char name[32];
    sj_checkpoint_writer *w;
    test_ok(sj_checkpoint_create("c.bin", &w, &err), &err);
    for (int i = 0; i < SECTIONS; i++) {
        bytes[i] = (size_t)test_between(&r, 0, i % 10 == 0 ? 100000 : 40);
        data[i] = malloc(bytes[i] + 1);
        for (size_t k = 0; k < bytes[i]; k++) {
            data[i][k] = (unsigned char)sj_random_below(&r, 256);
        }
        (void)snprintf(name, sizeof name, "layer%d/w", i);
        test_ok(sj_checkpoint_add(w, name, data[i], bytes[i], &err), &err);
    }
    test_ok(sj_checkpoint_commit(w, &err), &err);
    assert_int_equal(sj_test_entries(), 1);
    sj_checkpoint *c;
    test_ok(sj_checkpoint_open("c.bin", &c, &err), &err);
    assert_int_equal(sj_checkpoint_count(c), SECTIONS);
    for (int i = 0; i < SECTIONS; i++) {
        (void)snprintf(name, sizeof name, "layer%d/w", i);
        assert_string_equal(sj_checkpoint_name(c, i), name);
        assert_int_equal(sj_checkpoint_size(c, name), bytes[i]);
        unsigned char *got = malloc(bytes[i] + 1);
        test_ok(sj_checkpoint_get(c, name, got, bytes[i], &err), &err);
        assert_memory_equal(got, data[i], bytes[i]);
        assert_memory_equal(sj_checkpoint_data(c, name), data[i], bytes[i]);
        assert_int_equal((uintptr_t)sj_checkpoint_data(c, name) % 8, 0);
        free(got);
        free(data[i]);
    }
    assert_null(sj_checkpoint_name(c, SECTIONS));
    sj_checkpoint_close(c);
}

static void missing_sections_and_other_sizes_are_named(void **state) {
    char buffer[16];
    sj_checkpoint *c;
    write_little("c.bin");
    test_ok(sj_checkpoint_open("c.bin", &c, &err), &err);
    assert_int_equal(sj_checkpoint_size(c, "a"), -1);
    assert_null(sj_checkpoint_data(c, "a"));
    assert_int_equal(sj_checkpoint_size(c, "empty"), 0);
    test_ok(sj_checkpoint_get(c, "empty", NULL, 0, &err), &err);
    assert_says(sj_checkpoint_get(c, "c", buffer, 16, &err), SJ_ERR_FORMAT, "c.bin: section \"c\" of 16 bytes is missing");
    assert_says(sj_checkpoint_get(c, "b", buffer, 9, &err), SJ_ERR_FORMAT, "c.bin: section \"b\" has 8 bytes; 9 are needed");
    assert_says(sj_checkpoint_get(c, "b", buffer, 7, &err), SJ_ERR_FORMAT, "c.bin: section \"b\" has 8 bytes; 7 are needed");
    sj_checkpoint_close(c);
}

static void a_name_is_used_once(void **state) {
    char longest[SJ_CHECKPOINT_NAME_MAX + 1];
    memset(longest, 'n', sizeof longest);
    longest[SJ_CHECKPOINT_NAME_MAX - 1] = '\0';
    sj_checkpoint_writer *w;
    test_ok(sj_checkpoint_create("c.bin", &w, &err), &err);
    test_ok(sj_checkpoint_add(w, longest, "", 1, &err), &err);
    assert_says(sj_checkpoint_add(w, "", "", 1, &err), SJ_ERR_INTERNAL, "c.bin: section \"\": a name has 1 to 127 bytes");
    assert_part(sj_checkpoint_add(w, longest, "", 1, &err), SJ_ERR_INTERNAL, "was written before");
    longest[SJ_CHECKPOINT_NAME_MAX - 1] = 'n';
    longest[SJ_CHECKPOINT_NAME_MAX] = '\0';
    assert_part(sj_checkpoint_add(w, longest, "", 1, &err), SJ_ERR_INTERNAL, "a name has 1 to 127 bytes");
    sj_checkpoint_abandon(w);
    assert_int_equal(sj_test_entries(), 0);
}

static void files_that_are_none_are_told_apart(void **state) {
    sj_checkpoint *c;
    uint64_t words[8] = {0};
    assert_says(sj_checkpoint_open("none.bin", &c, &err), SJ_ERR_IO, "none.bin: cannot open: No such file or directory");
    put_bytes("c.bin", "", 0);
    assert_says(sj_checkpoint_open("c.bin", &c, &err), SJ_ERR_FORMAT, "c.bin: not a checkpoint of Skipjoule");
    put_bytes("c.bin", "a text that is longer than a header of a checkpoint is, by some letters", 71);
    assert_says(sj_checkpoint_open("c.bin", &c, &err), SJ_ERR_FORMAT, "c.bin: not a checkpoint of Skipjoule");
    memcpy(words, "SJCHKPT", 8);
    for (uint64_t version = 0; version < 5; version++) {
        char message[96];
        if (version == 2) {
            continue;
        }
        words[1] = version;
        words[2] = 64;
        put_bytes("c.bin", words, 64);
        (void)snprintf(message, sizeof message, "c.bin: checkpoint version %d; this program reads version 2", (int)version);
        assert_says(sj_checkpoint_open("c.bin", &c, &err), SJ_ERR_FORMAT, message);
        assert_null(c);
    }
    write_little("c.bin");
    char *data;
    size_t bytes;
    test_ok(sj_read_file("c.bin", &data, &bytes, &err), &err);
    char *longer = calloc(1, bytes + 8);
    memcpy(longer, data, bytes);
    put_bytes("c.bin", longer, bytes + 8);
    assert_part(sj_checkpoint_open("c.bin", &c, &err), SJ_ERR_FORMAT, "c.bin: the file is damaged: it has ");
    free(longer);
    free(data);
}

static void every_changed_byte_is_found(void **state) {
    char *data;
    size_t bytes;
    sj_checkpoint *c;
    sj_random r = sj_random_seed(test_seed(13));
    write_little("c.bin");
    test_ok(sj_read_file("c.bin", &data, &bytes, &err), &err);
    for (size_t i = 0; i < 2 * bytes; i++) {  // one bit of each byte, then any other value
        const char old = data[i / 2];
        data[i / 2] = (char)(old ^ (char)(i % 2 == 0 ? 1 << sj_random_below(&r, 8) : test_between(&r, 1, 255)));
        put_bytes("d.bin", data, bytes);
        if (sj_checkpoint_open("d.bin", &c, &err) != SJ_ERR_FORMAT) {
            fail_msg("byte %zu of %zu was changed from %02x to %02x, and the file was taken", i / 2, bytes, (unsigned)old & 0xffU, (unsigned)data[i / 2] & 0xffU);
        }
        data[i / 2] = old;
    }
    free(data);
}

static void every_truncation_is_found(void **state) {
    char *data;
    size_t bytes;
    sj_checkpoint *c;
    write_little("c.bin");
    test_ok(sj_read_file("c.bin", &data, &bytes, &err), &err);
    for (size_t cut = 0; cut < bytes; cut++) {
        put_bytes("d.bin", data, cut);
        assert_part(sj_checkpoint_open("d.bin", &c, &err), SJ_ERR_FORMAT, cut < 16 ? "not a checkpoint" : "the file is truncated");
    }
    free(data);
}

// In a child, so that the limit ends with it: files of more than 4 KiB cannot be written, as on a full disk.
static void a_full_disk_is_reported_and_the_old_file_stays(void **state) {
    write_little("c.bin");
    const pid_t child = fork();
    if (child == 0) {
        const struct rlimit limit = {4096, 4096};
        (void)signal(SIGXFSZ, SIG_IGN);
        if (setrlimit(RLIMIT_FSIZE, &limit) != 0) {
            _exit(2);
        }
        static char large[100000];
        sj_checkpoint_writer *w;
        sj_status status = sj_checkpoint_create("c.bin", &w, &err);
        if (status == SJ_OK) {
            status = sj_checkpoint_add(w, "large", large, sizeof large, &err);
            if (status == SJ_OK) {
                _exit(3);
            }
            sj_checkpoint_abandon(w);
        }
        _exit(status == SJ_ERR_IO && strstr(err.message, "c.bin: cannot write: File too large") != NULL ? 0 : 4);
    }
    int status;
    assert_int_equal(waitpid(child, &status, 0), child);
    assert_true(WIFEXITED(status));
    assert_int_equal(WEXITSTATUS(status), 0);
    assert_int_equal(sj_test_entries(), 1);
    sj_checkpoint *c;
    test_ok(sj_checkpoint_open("c.bin", &c, &err), &err);
    sj_checkpoint_close(c);
}

enum { KILLED_BYTES = 300000 };

// Writes files without end, each filled with its number.
static void write_for_ever(uint64_t first) {
    uint64_t *data = malloc(KILLED_BYTES);
    for (uint64_t number = first; data != NULL; number++) {
        for (size_t i = 0; i < KILLED_BYTES / 8; i++) {
            data[i] = number;
        }
        sj_checkpoint_writer *w;
        if (sj_checkpoint_create("c.bin", &w, &err) != SJ_OK || sj_checkpoint_add(w, "number", &number, 8, &err) != SJ_OK || sj_checkpoint_add(w, "data", data, KILLED_BYTES, &err) != SJ_OK ||
            sj_checkpoint_commit(w, &err) != SJ_OK) {
            break;
        }
    }
    _exit(1);
}

// The number in the file; it fails where the file is not whole.
static uint64_t whole_number(void) {
    static uint64_t data[KILLED_BYTES / 8];
    uint64_t number;
    sj_checkpoint *c;
    test_ok(sj_checkpoint_open("c.bin", &c, &err), &err);
    test_ok(sj_checkpoint_get(c, "number", &number, 8, &err), &err);
    test_ok(sj_checkpoint_get(c, "data", data, KILLED_BYTES, &err), &err);
    for (size_t i = 0; i < KILLED_BYTES / 8; i++) {
        assert_int_equal(data[i], number);
    }
    sj_checkpoint_close(c);
    return number;
}

static void a_killed_writer_leaves_a_whole_file(void **state) {
    sj_random r = sj_random_seed(test_seed(12));
    uint64_t *data = calloc(1, KILLED_BYTES), number = 0;
    sj_checkpoint_writer *w;
    test_ok(sj_checkpoint_create("c.bin", &w, &err), &err);
    test_ok(sj_checkpoint_add(w, "number", &number, 8, &err), &err);
    test_ok(sj_checkpoint_add(w, "data", data, KILLED_BYTES, &err), &err);
    test_ok(sj_checkpoint_commit(w, &err), &err);
    free(data);
    uint64_t advanced = 0;
    for (int i = 0; i < 50; i++) {
        const pid_t child = fork();
        if (child == 0) {
            write_for_ever(number + 1);
        }
        const struct timespec moment = {0, (long)sj_random_below(&r, 20000000)};
        (void)nanosleep(&moment, NULL);
        assert_int_equal(kill(child, SIGKILL), 0);
        int status;
        assert_int_equal(waitpid(child, &status, 0), child);
        assert_true(WIFSIGNALED(status));
        const uint64_t met = whole_number();
        assert_true(met >= number);
        advanced += met > number;
        number = met;
    }
    print_message("%d of 50 children were killed after a commit, at file %d\n", (int)advanced, (int)number);
    assert_true(advanced > 0);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(sections_come_back, enter, leave),
        cmocka_unit_test_setup_teardown(missing_sections_and_other_sizes_are_named, enter, leave),
        cmocka_unit_test_setup_teardown(a_name_is_used_once, enter, leave),
        cmocka_unit_test_setup_teardown(files_that_are_none_are_told_apart, enter, leave),
        cmocka_unit_test_setup_teardown(every_changed_byte_is_found, enter, leave),
        cmocka_unit_test_setup_teardown(every_truncation_is_found, enter, leave),
        cmocka_unit_test_setup_teardown(a_full_disk_is_reported_and_the_old_file_stays, enter, leave),
        cmocka_unit_test_setup_teardown(a_killed_writer_leaves_a_whole_file, enter, leave),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
