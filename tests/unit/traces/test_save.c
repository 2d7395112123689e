// SPDX-License-Identifier: Apache-2.0
// A trace that is saved on the way, and one that goes on from what was saved.
#include "trace_fixture.h"

#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <fcntl.h>
#include <signal.h>
#include <sys/resource.h>
#include <sys/wait.h>
#include <unistd.h>

#include "sj_file.h"

static void add_rows(sj_trace_writer *w, int first, int count) {
    float x[LAYER_COUNT], dy[LAYER_COUNT], kept[LAYER_COUNT];
    for (int i = first; i < first + count; i++) {
        for (int l = 0; l < LAYER_COUNT; l++) {
            x[l] = (float)(i + l) / 10000.0f;
            dy[l] = l == LOSS ? NAN : (float)i / 10000.0f;
            kept[l] = l == CONV ? 0.2f : NAN;
        }
        sj_ledger_row row = {.epoch = i / 100, .iteration = i, .skipped = i % 3 == 0, .loss = 1.0 / (i + 1), .x_density = x, .dy_density = dy, .kept_fraction = kept};
        snprintf(row.method_state, sizeof row.method_state, "a state that tells the row: %d", i);
        assert_ok(sj_trace_ledger(w, &row, &err));
    }
}

// Step i of a run: mode, method state and what it holds depend on i alone. Some are without any tensor, some have int8 and a batch's counts.
static void add_step(sj_trace_writer *w, int64_t number) {
    if (number % 5 == 4) {
        sj_step_info step = fixture_step(number, SJ_MODE_TRAIN);
        snprintf(step.method_state, sizeof step.method_state, "gradsamp skipped at %d, with a text that fills the heap of the file", (int)number);
        assert_ok(sj_trace_begin_step(w, &step, &err));
        return;
    }
    fixture_write_step(w, number, number % 3 == 0 ? SJ_MODE_EVAL : SJ_MODE_TRAIN, 0, NULL);
    int32_t keep[2] = {1, 5};
    int8_t values[IMAGES * 2 * 2 * 8] = {1, 0, -3};
    const sj_tensor kept = {SJ_TYPE_I32, 1, {2}, keep, 1.0f, 0, 0}, y = {SJ_TYPE_I8, 4, {IMAGES, 2, 2, 8}, values, 0.25f, 100 + number, 1000 + number};
    assert_ok(sj_trace_write(w, POOL, "y", &y, SJ_TYPE_I8, &err));
    if (number % 3 != 0) {
        assert_ok(sj_trace_write(w, CONV, "keep", &kept, SJ_TYPE_I32, &err));
        assert_ok(sj_trace_write_penalty(w, number % 2 == 0 ? CONV : LINEAR, SJ_PENALTY_EAT, &err));
        assert_ok(sj_trace_write_penalty(w, SJ_INPUT_NETWORK, SJ_PENALTY_L1, &err));
    }
}

static void assert_same_files(const char *a, const char *b) {
    char *x, *y;
    size_t m, n;
    assert_ok(sj_read_file(a, &x, &m, &err));
    assert_ok(sj_read_file(b, &y, &n, &err));
    assert_int_equal(m, n);
    for (size_t i = 0; i < m; i++) {
        if (x[i] != y[i]) {
            fail_msg("%s and %s, %zu bytes: byte %zu differs", a, b, m, i);
        }
    }
    free(x);
    free(y);
}

enum { STEPS = 12, ROWS = 70 };  // rows: after each step

static void write_in_one_go(const char *path, int steps, int rows) {
    sj_trace_writer *w = fixture_create(path);
    for (int i = 0; i < steps; i++) {
        add_step(w, i);
        add_rows(w, i * rows, rows);
    }
    assert_ok(sj_trace_commit(w, &err));
}

// As a run that is killed does: the trace is saved, then the ledger's blob with the number of steps; the next writer has nothing but those.
static sj_trace_writer *die_and_resume(sj_trace_writer *w, int64_t steps, void *blob, size_t bytes) {
    const sj_trace_meta meta = fixture_meta();
    const sj_network net = fixture_network();
    sj_trace_abandon(w);
    assert_ok(sj_trace_resume("saved.h5", "t.h5", &meta, &net, steps, &w, &err));
    assert_int_equal(sj_trace_steps_begun(w), steps);
    assert_int_equal(sj_trace_ledger_rows(w), 0);
    assert_ok(sj_trace_ledger_unpack(w, blob, bytes, &err));
    return w;
}

static void a_saved_and_resumed_trace_has_the_same_bytes(void **state) {
    sj_random r = sj_random_seed(fixture_seed());
    write_in_one_go("whole.h5", STEPS, ROWS);
    int deaths = 0, saves = 0;
    for (int trial = 0; trial < 12; trial++) {
        sj_trace_writer *w = fixture_create("t.h5");
        void *blob = NULL;
        size_t bytes = 0;
        int saved = -1;
        for (int i = 0; i < STEPS; i++) {
            const uint64_t dice = sj_random_below(&r, 10);
            if (dice < 5) {
                assert_ok(sj_trace_save(w, "saved.h5", &err));
                free(blob);
                assert_ok(sj_trace_ledger_pack(w, &blob, &bytes, &err));
                saved = i;
                saves++;
            }
            if (dice >= 3 && dice < 6 && saved >= 0) {
                w = die_and_resume(w, saved, blob, bytes);
                i = saved;  // what came after the checkpoint is done again
                deaths++;
            }
            if (sj_random_below(&r, 8) == 0) {
                sj_trace_save(w, "elsewhere.h5", &err);  // a checkpoint that is never used
            }
            add_step(w, i);
            add_rows(w, i * ROWS, ROWS);
        }
        free(blob);
        assert_int_equal(sj_trace_ledger_rows(w), STEPS * ROWS);
        assert_ok(sj_trace_commit(w, &err));
        assert_same_files("t.h5", "whole.h5");
    }
    print_message("%d saves, %d deaths\n", saves, deaths);
    assert_true(saves > 20 && deaths > 10);
}

// The run ended between saving its trace and its checkpoint: the trace holds more steps than the checkpoint knows of.
static void later_steps_than_the_checkpoints_are_left_out(void **state) {
    write_in_one_go("whole.h5", 6, ROWS);
    const sj_trace_meta meta = fixture_meta();
    const sj_network net = fixture_network();
    for (int known = 0; known <= 5; known++) {
        sj_trace_writer *w = fixture_create("t.h5");
        for (int i = 0; i < 5; i++) {
            add_step(w, i);
        }
        assert_ok(sj_trace_save(w, "saved.h5", &err));
        sj_trace_abandon(w);
        assert_ok(sj_trace_resume("saved.h5", "t.h5", &meta, &net, known, &w, &err));
        add_rows(w, 0, known * ROWS);
        for (int i = known; i < 6; i++) {
            add_step(w, i);
            add_rows(w, i * ROWS, ROWS);
        }
        assert_ok(sj_trace_commit(w, &err));
        assert_same_files("t.h5", "whole.h5");
    }
    sj_trace_writer *w;
    assert_error(sj_trace_resume("saved.h5", "t.h5", &meta, &net, 6, &w, &err), SJ_ERR_FORMAT,
                 "saved.h5: it holds 5 steps, and the run had written 6: it is another run's, or older than the checkpoint");
    assert_null(w);
}

static void a_saved_file_is_a_trace_without_a_ledger(void **state) {
    sj_trace_writer *w = fixture_create("t.h5");
    fixture_write_step(w, 10, SJ_MODE_TRAIN, 0, NULL);
    add_rows(w, 0, 3);
    assert_ok(sj_trace_save(w, "saved.h5", &err));
    sj_trace *t;
    sj_ledger l;
    assert_ok(sj_trace_open("saved.h5", &t, &err));
    assert_ok(sj_trace_check(t, &err));
    assert_int_equal(sj_trace_step_count(t), 1);
    assert_int_equal(sj_trace_object_id(t, 0, RELU, "x"), sj_trace_object_id(t, 0, FORK, "x"));
    assert_ok(sj_trace_read_ledger(t, &l, &err));
    assert_int_equal(l.rows, 0);
    sj_trace_close(t);
    char before[17], after[17];
    assert_ok(sj_file_hash("saved.h5", before, &err));
    assert_int_equal(remove("saved.h5"), 0);
    assert_ok(sj_trace_save(w, "saved.h5", &err));  // nothing new, but the file is gone
    assert_ok(sj_file_hash("saved.h5", after, &err));
    assert_string_equal(before, after);
    const int fd = open("saved.h5", O_WRONLY);  // were it written again, the mark would be gone
    assert_int_equal(write(fd, "mark", 4), 4);
    assert_int_equal(close(fd), 0);
    assert_ok(sj_trace_save(w, "saved.h5", &err));
    char *data;
    size_t bytes;
    assert_ok(sj_read_file("saved.h5", &data, &bytes, &err));
    assert_memory_equal(data, "mark", 4);
    free(data);
    add_step(w, 11);
    assert_ok(sj_trace_save(w, "saved.h5", &err));
    assert_ok(sj_trace_open("saved.h5", &t, &err));
    assert_int_equal(sj_trace_step_count(t), 2);
    sj_trace_close(t);
    sj_trace_abandon(w);
    assert_int_equal(fixture_entries(), 1);
}

static void assert_refused(const sj_trace_meta *meta, const sj_network *net, const char *message) {
    sj_trace_writer *w;
    char before[17], after[17];
    assert_ok(sj_file_hash("saved.h5", before, &err));
    assert_error(sj_trace_resume("saved.h5", "t.h5", meta, net, 1, &w, &err), SJ_ERR_FORMAT, message);
    assert_null(w);
    assert_ok(sj_file_hash("saved.h5", after, &err));
    assert_string_equal(before, after);
    assert_int_equal(fixture_entries(), 1);
}

static void another_run_is_refused_by_name(void **state) {
    sj_trace_writer *w = fixture_create("t.h5");
    add_step(w, 0);
    assert_ok(sj_trace_save(w, "saved.h5", &err));
    sj_trace_abandon(w);
    const sj_network net = fixture_network();
    sj_trace_meta m = fixture_meta();
    strcpy(m.producer, "skipjoule 9");
    assert_refused(&m, &net, "saved.h5: it was saved with producer \"skipjoule test\"; this run has \"skipjoule 9\"");
    m = fixture_meta();
    strcpy(m.method, "eat");
    assert_refused(&m, &net, "saved.h5: it was saved with method \"plain\"; this run has \"eat\"");
    m = fixture_meta();
    strcpy(m.dataset, "data");
    assert_refused(&m, &net, "saved.h5: it was saved with dataset \"noise\"; this run has \"data\"");
    m = fixture_meta();
    m.optimizer = SJ_OPTIMIZER_SGD;
    assert_refused(&m, &net, "saved.h5: it was saved with optimizer \"adam\"; this run has \"sgd\"");
    m = fixture_meta();
    m.seed = 3;
    assert_refused(&m, &net, "saved.h5: it was saved with seed 18364758544493064720; this run has 3");
    m = fixture_meta();
    m.batch_size++;
    assert_refused(&m, &net, "saved.h5: it was saved with batch_size 16; this run has 17");
    m = fixture_meta();
    m.images++;
    assert_refused(&m, &net, "saved.h5: it was saved with images 2; this run has 3");
    m = fixture_meta();
    sj_network other = fixture_network();
    other.layers[CONV].needs_dx = true;
    assert_refused(&m, &other, "saved.h5: layer 0 was saved as \"conv1\" and is \"conv1\" in this run, or has other shapes");
    other = fixture_network();
    other.layer_count--;
    assert_refused(&m, &other, "saved.h5: it was saved with a layer count of 9; this run has 8");
}

static void a_finished_or_damaged_trace_is_not_continued(void **state) {
    const sj_trace_meta meta = fixture_meta();
    const sj_network net = fixture_network();
    sj_trace_writer *w;
    fixture_write("saved.h5");
    assert_refused(&meta, &net, "saved.h5: a trace, but not one that was saved to be continued");
    assert_error(sj_trace_resume("none.h5", "t.h5", &meta, &net, 0, &w, &err), SJ_ERR_IO, "none.h5: cannot open: No such file or directory");
    assert_null(w);
    assert_int_equal(fixture_entries(), 1);
}

static void a_block_of_another_ledger_is_refused(void **state) {
    sj_trace_writer *w = fixture_create("t.h5"), *v = fixture_create("v.h5");
    void *blob;
    size_t bytes;
    assert_ok(sj_trace_ledger_pack(w, &blob, &bytes, &err));  // an empty one
    assert_ok(sj_trace_ledger_unpack(v, blob, bytes, &err));
    free(blob);
    add_rows(w, 0, 3);
    assert_ok(sj_trace_ledger_pack(w, &blob, &bytes, &err));
    assert_int_equal(bytes, 16 + 3 * (8 + 8 + 1 + 8 + 128 + 12 * LAYER_COUNT));
    assert_error(sj_trace_ledger_unpack(v, blob, bytes - 1, &err), SJ_ERR_FORMAT,
                 "v.h5: a packed ledger of 798 bytes says 3 rows of 9 layers; the network has 9 layers, a row 261 bytes");
    assert_error(sj_trace_ledger_unpack(v, blob, 3, &err), SJ_ERR_FORMAT, "v.h5: a packed ledger has 16 bytes at least; these are 3");
    assert_int_equal(sj_trace_ledger_unpack(v, NULL, 0, &err), SJ_ERR_FORMAT);
    ((int64_t *)blob)[1] = 8;
    assert_error(sj_trace_ledger_unpack(v, blob, bytes, &err), SJ_ERR_FORMAT, "v.h5: a packed ledger of 799 bytes says 3 rows of 8 layers; the network has 9 layers, a row 261 bytes");
    ((int64_t *)blob)[1] = 9;
    ((int64_t *)blob)[0] = INT64_MAX / 2;
    assert_int_equal(sj_trace_ledger_unpack(v, blob, bytes, &err), SJ_ERR_FORMAT);
    ((int64_t *)blob)[0] = 3;
    assert_ok(sj_trace_ledger_unpack(v, blob, bytes, &err));
    assert_int_equal(sj_trace_ledger_rows(v), 3);
    assert_error(sj_trace_ledger_unpack(v, blob, bytes, &err), SJ_ERR_INTERNAL, "v.h5: a packed ledger can only begin a ledger; this one has 3 rows");
    free(blob);
    sj_trace_abandon(w);
    sj_trace_abandon(v);
}

// In a child, so that the limit ends with it. The old file stays, the writer can go on.
static void a_full_disk_leaves_the_saved_file(void **state) {
    sj_trace_writer *w = fixture_create("t.h5");
    add_step(w, 0);
    assert_ok(sj_trace_save(w, "saved.h5", &err));
    char before[17], after[17];
    assert_ok(sj_file_hash("saved.h5", before, &err));
    const pid_t child = fork();
    if (child == 0) {
        const struct rlimit limit = {4096, 4096};
        (void)signal(SIGXFSZ, SIG_IGN);
        add_step(w, 1);
        const bool set = setrlimit(RLIMIT_FSIZE, &limit) == 0;
        const bool failed = sj_trace_save(w, "saved.h5", &err) == SJ_ERR_IO && strcmp(err.message, "saved.h5: cannot write: File too large") == 0;
        _exit(set && failed ? 0 : 1);
    }
    int status;
    assert_int_equal(waitpid(child, &status, 0), child);
    assert_true(WIFEXITED(status) && WEXITSTATUS(status) == 0);
    assert_ok(sj_file_hash("saved.h5", after, &err));
    assert_string_equal(before, after);
    assert_int_equal(fixture_entries(), 2);  // and t.h5's temporary
    sj_trace_abandon(w);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        IN_FOLDER(a_saved_and_resumed_trace_has_the_same_bytes),
        IN_FOLDER(later_steps_than_the_checkpoints_are_left_out),
        IN_FOLDER(a_saved_file_is_a_trace_without_a_ledger),
        IN_FOLDER(another_run_is_refused_by_name),
        IN_FOLDER(a_finished_or_damaged_trace_is_not_continued),
        IN_FOLDER(a_block_of_another_ledger_is_refused),
        IN_FOLDER(a_full_disk_leaves_the_saved_file),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
