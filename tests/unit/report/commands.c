// SPDX-License-Identifier: Apache-2.0
#include "commands.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "sj_file.h"
#include "sj_test_folder.h"
#include "sj_trace.h"

sj_error err;
static char folder[SJ_TEST_FOLDER_MAX];

int enter(void **state) {
    return !sj_test_enter_folder(folder);
}

int leave(void **state) {
    return !sj_test_leave_folder(folder);
}

int entries(void) {
    const int count = sj_test_entries();
    assert_true(count >= 0);
    return count;
}

// Runs a command given as words in one text; its stdout goes to the file "out" beside the scratch folder.
sj_status run(sj_command command, const char *words) {
    char text[1024], *argv[64];
    int argc = 0;
    snprintf(text, sizeof text, "%s", words);
    for (char *word = strtok(text, " "); word != NULL; word = strtok(NULL, " ")) {
        argv[argc++] = word;
    }
    argv[argc] = NULL;
    char out[SJ_TEST_FOLDER_MAX + 8];
    snprintf(out, sizeof out, "%s.out", folder);
    fflush(stdout);
    const int saved = dup(STDOUT_FILENO);
    assert_non_null(freopen(out, "w", stdout));
    err.message[0] = '\0';
    const sj_status status = command(argc, argv, &err);
    fflush(stdout);
    assert_true(dup2(saved, STDOUT_FILENO) >= 0);
    close(saved);
    return status;
}

char *output(void) {
    char out[SJ_TEST_FOLDER_MAX + 8], *text;
    size_t bytes;
    snprintf(out, sizeof out, "%s.out", folder);
    sj_error e;
    assert_int_equal(sj_read_file(out, &text, &bytes, &e), SJ_OK);
    remove(out);
    return text;
}

void works(sj_command command, const char *words) {
    if (run(command, words) != SJ_OK) {
        fail_msg("%s: %s", words, err.message);
    }
}

json_t *json_of(sj_command command, const char *words) {
    works(command, words);
    char *text = output();
    json_t *root = json_loads(text, 0, NULL);
    assert_non_null(root);
    free(text);
    return root;
}

void refused(sj_command command, const char *words, sj_status status, const char *message) {
    const int before = entries();
    const sj_status met = run(command, words);
    free(output());
    if (met != status || strstr(err.message, message) == NULL) {
        fail_msg("%s: status %s, \"%s\"; wanted %s, \"%s\"", words, sj_status_name(met), err.message, sj_status_name(status), message);
    }
    assert_int_equal(entries(), before);
}

const json_t *dig(const json_t *o, const char *const *keys) {
    for (; *keys != NULL; keys++) {
        o = json_object_get(o, *keys);
        if (o == NULL) {
            fail_msg("no key %s", *keys);
        }
    }
    return o;
}

void write_trace(const char *path, const char *method, float zero_below) {
    sj_layer_info layer = {"conv1", SJ_KIND_CONV, 1, {-1}, {6, 6, 8}, {6, 6, 16}, 3, 3, 1, 1, 1, false, false};
    sj_network net = {"one", 1, &layer};
    sj_trace_meta meta = {"test", "one", "made-up", "", 5, 4, 2, SJ_OPTIMIZER_SGD};
    snprintf(meta.method, sizeof meta.method, "%s", method);
    static float x[2 * 6 * 6 * 8], w[16 * 3 * 3 * 8];
    int64_t nonzero = 0;
    for (int i = 0; i < 2 * 6 * 6 * 8; i++) {
        const float v = (float)(i * 7 % 11) / 11.0f;
        x[i] = v < zero_below ? 0.0f : v + 0.5f;
        x[i] = i % 97 == 5 ? 0.001f : x[i];
        nonzero += x[i] != 0.0f;
    }
    for (int i = 0; i < 16 * 3 * 3 * 8; i++) {
        w[i] = (float)(i % 5) - 2.5f;
    }
    const sj_tensor tx = {SJ_TYPE_F32, 4, {2, 6, 6, 8}, x, 1.0f, nonzero, 2 * 6 * 6 * 8}, tw = {SJ_TYPE_F32, 4, {16, 3, 3, 8}, w, 1.0f, 16 * 72, 16 * 72};
    const sj_step_info step = {.number = 3, .mode = SJ_MODE_EVAL, .epoch = 1, .iteration = 3};
    sj_trace_writer *writer;
    if (sj_trace_create(path, &meta, &net, &writer, &err) != SJ_OK || sj_trace_begin_step(writer, &step, &err) != SJ_OK ||
        sj_trace_write(writer, 0, "x", &tx, SJ_TYPE_BF16, &err) != SJ_OK || sj_trace_write(writer, 0, "w", &tw, SJ_TYPE_BF16, &err) != SJ_OK ||
        sj_trace_commit(writer, &err) != SJ_OK) {
        fail_msg("%s", err.message);
    }
}
