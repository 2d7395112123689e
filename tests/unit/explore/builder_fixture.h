// SPDX-License-Identifier: Apache-2.0
// Sweeps written, opened and built in a folder of the test's own.
#ifndef BUILDER_FIXTURE_H
#define BUILDER_FIXTURE_H

#include <unistd.h>

#include "sj_builder.h"
#include "sj_file.h"
#include "sj_test.h"
#include "sj_test_folder.h"

static sj_error err;
static char folder[SJ_TEST_FOLDER_MAX];

static inline void write_text(const char *path, const char *text) {
    FILE *f = fopen(path, "w");
    assert_non_null(f);
    assert_true(fputs(text, f) >= 0);
    assert_int_equal(fclose(f), 0);
}

static inline char *shipped_text(const char *kind, const char *name) {
    static char *text;
    char path[1024];
    size_t bytes;
    snprintf(path, sizeof path, "%s/configs/%s/%s.cfg", SJ_SOURCE_DIR, kind, name);
    assert_int_equal(sj_read_file(path, &text, &bytes, &err), SJ_OK);
    return text;
}

// `text` with the first `from` replaced; it must stand there. Caller frees.
static inline char *edited(const char *text, const char *from, const char *to) {
    const char *at = strstr(text, from);
    if (at == NULL) {
        fail_msg("\"%s\" is not in the text", from);
        abort();
    }
    const size_t size = strlen(text) + strlen(to) + 1, before = (size_t)(at - text);
    char *out = malloc(size);
    assert_non_null(out);
    snprintf(out, size, "%.*s%s%s", (int)before, text, to, at + strlen(from));
    return out;
}

// A file of the folder, or a shipped name.
static inline sj_status find(const char *kind, const char *name, char **path, sj_error *e) {
    char candidate[1024];
    snprintf(candidate, sizeof candidate, "%s/configs/%s/%s.cfg", SJ_SOURCE_DIR, kind, name);
    const char *found = access(name, R_OK) == 0 ? name : access(candidate, R_OK) == 0 ? candidate : NULL;
    *path = found != NULL ? strdup(found) : NULL;
    return *path != NULL ? SJ_OK : SJ_FAIL(e, SJ_ERR_IO, "%s: no such %s", name, kind);
}

typedef struct sweep {
    sj_sweep_config config;
    sj_builder *builder;
    sj_built built;
    bool valid;
    char reason[512];
} sweep;

static inline sweep *read_sweep(const char *text) {
    sweep *s = calloc(1, sizeof *s);
    assert_non_null(s);
    write_text("sweep.cfg", text);
    if (sj_sweep_config_open("sweep.cfg", NULL, 0, &s->config, &err) != SJ_OK) {
        fail_msg("%s", err.message);
    }
    return s;
}

static inline void open_builder(sweep *s) {
    if (sj_builder_open(&s->config, find, &s->builder, &err) != SJ_OK) {
        fail_msg("%s", err.message);
    }
}

static inline sweep *open_sweep(const char *text) {
    sweep *s = read_sweep(text);
    open_builder(s);
    return s;
}

static inline void close_sweep(sweep *s) {
    sj_builder_close(s->builder);
    sj_sweep_config_close(&s->config);
    free(s);
}

static inline void make(sweep *s, uint64_t id) {
    memset(&s->built, 0xa5, sizeof s->built);
    memset(s->reason, 'x', sizeof s->reason);
    s->valid = false;
    if (sj_builder_make(s->builder, id, &s->built, &s->valid, s->reason, &err) != SJ_OK) {
        fail_msg("point %llu: %s", (unsigned long long)id, err.message);
    }
}

static inline void assert_says(const char *met, const char *wanted) {
    if (strstr(met, wanted) == NULL) {
        fail_msg("\"%s\" stands not in: %s", wanted, met);
    }
}

static inline void refuse_at_open(const char *text, sj_status status, const char *message) {
    sweep *s = read_sweep(text);
    s->builder = (sj_builder *)s;
    const sj_status met = sj_builder_open(&s->config, find, &s->builder, &err);
    if (met != status) {
        fail_msg("status %d for: %s\n%s", (int)met, text, met != SJ_OK ? err.message : "");
    }
    assert_null(s->builder);
    assert_says(err.message, message);
    close_sweep(s);
}

// What a value says when it is read: a string without its quotes.
static inline char *word_of(const char *value) {
    sj_config *c;
    char assignment[1200];
    snprintf(assignment, sizeof assignment, "v=%s", value);
    assert_int_equal(sj_config_parse("", "a value", &c, &err), SJ_OK);
    assert_int_equal(sj_config_override(c, assignment, &err), SJ_OK);
    char *word = strdup(sj_config_string(c, "v", SJ_REQUIRED, NULL));
    sj_config_close(c);
    return word;
}

// A machine as its description says, each step by itself.
typedef struct by_hand {
    char *accel_name, *machine;
    int64_t batch;
    int accel_count, tech_count;
    char accel_sets[160][512], tech_sets[160][512];
    sj_accel accel;
    sj_status status;
    sj_tech *tech;
    sj_prices prices;
} by_hand;

static inline void free_by_hand(by_hand *h) {
    free(h->accel_name);
    free(h->machine);
    sj_tech_close(h->tech);
    free(h);
}

static inline void hand_set(by_hand *h, const char *path, const char *value) {
    if (strncmp(path, "tech.", 5) == 0) {
        snprintf(h->tech_sets[h->tech_count++], sizeof h->tech_sets[0], "%s=%s", path + 5, value);
    } else {
        snprintf(h->accel_sets[h->accel_count++], sizeof h->accel_sets[0], "%s=%s", path, value);
    }
}

static inline void hand_axis(by_hand *h, const char *path, const char *value) {
    if (strcmp(path, "accel") == 0 || strcmp(path, "machine") == 0) {
        char **name = path[0] == 'a' ? &h->accel_name : &h->machine;
        free(*name);
        *name = word_of(value);
    } else if (strcmp(path, "batch") == 0) {
        h->batch = strtoll(value, NULL, 10);
    } else {
        hand_set(h, path, value);
    }
}

// The accelerator of a base and its overrides, and the prices of its technology.
static inline void hand_read(by_hand *h) {
    char *path = NULL;
    sj_config *c;
    const char *tech_sets[160];
    assert_int_equal(find("accel", h->accel_name, &path, &err), SJ_OK);
    assert_int_equal(sj_config_open(path, &c, &err), SJ_OK);
    free(path);
    for (int i = 0; i < h->accel_count; i++) {
        assert_int_equal(sj_config_override(c, h->accel_sets[i], &err), SJ_OK);
    }
    sj_accel_read(c, &h->accel);
    h->status = sj_config_finish(c, &err);
    sj_config_close(c);
    for (int i = 0; i < h->tech_count; i++) {
        tech_sets[i] = h->tech_sets[i];
    }
    if (h->status == SJ_OK) {
        assert_int_equal(find("tech", h->accel.tech, &path, &err), SJ_OK);
        h->status = sj_tech_open(path, tech_sets, h->tech_count, &h->tech, &err);
        free(path);
    }
}

static inline sj_machine hand_machine(const by_hand *h) {
    for (int m = 0; m < 3; m++) {
        if (strcmp(sj_machine_name((sj_machine)m), h->machine) == 0) {
            return (sj_machine)m;
        }
    }
    fail_msg("%s is no machine", h->machine);
    return SJ_MACHINE_SKIP;
}

// The order of the description: base, tech, set, axes.
static inline by_hand *make_by_hand(const sj_sweep_config *c, uint64_t id) {
    by_hand *h = calloc(1, sizeof *h);
    assert_non_null(h);
    h->accel_name = c->accel != NULL ? strdup(c->accel) : NULL;
    h->machine = strdup(c->machine != NULL ? c->machine : "skip");
    h->batch = c->batch;
    if (c->tech != NULL) {
        char *quoted = sj_config_quote(c->tech);
        hand_set(h, "tech_file", quoted);
        free(quoted);
    }
    for (int i = 0; i < c->set_count; i++) {
        char path[256];
        const size_t length = strcspn(c->sets[i], "=");
        snprintf(path, sizeof path, "%.*s", (int)length, c->sets[i]);
        hand_set(h, path, c->sets[i] + length + 1);
    }
    int32_t index[SJ_AXES_MAX];
    sj_space_indexes(&c->space, id, index);
    for (int a = 0; a < c->space.axis_count; a++) {
        const sj_axis *axis = &c->space.axes[a];
        for (int p = 0; p < axis->path_count; p++) {
            hand_axis(h, axis->paths[p], axis->values[index[a] * axis->path_count + p]);
        }
    }
    hand_read(h);
    return h;
}

static inline void assert_same_prices(const sj_prices *x, const sj_prices *y) {
    assert_memory_equal(x->pj, y->pj, sizeof x->pj);
    assert_int_equal(x->source_count, y->source_count);
    for (int i = 0; i < x->source_count; i++) {
        assert_string_equal(x->source_names[i], y->source_names[i]);
        assert_memory_equal(x->deviation_pj[i], y->deviation_pj[i], sizeof x->deviation_pj[i]);
    }
}

static inline void assert_same_accel(const sj_accel *x, const sj_accel *y) {
    assert_string_equal(x->name, y->name);
    assert_string_equal(x->tech, y->tech);
    assert_memory_equal(x, y, sizeof *x);
}

#endif
