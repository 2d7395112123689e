// SPDX-License-Identifier: Apache-2.0
#include "sj_checkpoint.h"

#include <stdio.h>
#include <string.h>

#include "sj_file.h"

enum { VERSION = 1, ARRAY_NAME = 16 };

// Write errors stay in the stream: the commit reports them.
static void put(FILE *f, const void *data, size_t bytes) { (void)fwrite(data, 1, bytes, f); }

static void put_word(FILE *f, uint64_t value) { put(f, &value, sizeof value); }

static void put_array(FILE *f, const char *prefix, const char *name, const float *values, int64_t count) {
    char field[2 * ARRAY_NAME] = {0};
    (void)snprintf(field, sizeof field, "%s%s", prefix, name);
    put(f, field, ARRAY_NAME);
    put_word(f, (uint64_t)count);
    put(f, values, (size_t)count * sizeof *values);
}

static void put_layer(FILE *f, const sj_layer *l) {
    put(f, l->info->name, sizeof l->info->name);
    put_word(f, 2U * (uint64_t)l->param_count + (l->running_mean != NULL ? 2U : 0U));
    for (int i = 0; i < l->param_count; i++) {
        const sj_param *p = &l->params[i];
        put_array(f, "", p->name, p->value, p->count);
        put_array(f, "v_", p->name, p->velocity, p->count);
    }
    if (l->running_mean != NULL) {
        put_array(f, "", "running_mean", l->running_mean, l->info->in.c);
        put_array(f, "", "running_var", l->running_variance, l->info->in.c);
    }
}

sj_status sj_checkpoint_write(const char *path, const sj_model *m, uint64_t seed, int64_t epochs, int64_t iterations, sj_error *err) {
    static const char magic[8] = "SJCHKPT";
    sj_atomic_file f;
    SJ_TRY(sj_atomic_open(&f, path, err));
    put(f.stream, magic, sizeof magic);
    put_word(f.stream, VERSION);
    put_word(f.stream, seed);
    put_word(f.stream, (uint64_t)epochs);
    put_word(f.stream, (uint64_t)iterations);
    put_word(f.stream, (uint64_t)m->layer_count);
    put(f.stream, m->net.network.name, sizeof m->net.network.name);
    for (int i = 0; i < m->layer_count; i++) {
        put_layer(f.stream, &m->layers[i]);
    }
    return sj_atomic_commit(&f, err);
}
