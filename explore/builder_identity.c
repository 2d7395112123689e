// SPDX-License-Identifier: Apache-2.0
// What a point's result depends on, as a hash and as a command.
#include <ctype.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "sj_builder_internal.h"
#include "sj_file.h"
#include "sj_hash.h"

// Whatever changes the meaning of stored results counts this up.
static const char format[] = "skipjoule-sweep 1";

static void mix_text(uint64_t *hash, const char *text) {
    const char *word = text != NULL ? text : "";
    *hash = sj_hash_bytes(*hash, word, strlen(word) + 1);
}

static void mix_number(uint64_t *hash, int64_t number) {
    char text[32];
    snprintf(text, sizeof text, "%lld", (long long)number);
    mix_text(hash, text);
}

static void mix_axes(uint64_t *hash, const sj_space *space) {
    for (int a = 0; a < space->axis_count; a++) {
        const sj_axis *axis = &space->axes[a];
        mix_number(hash, axis->path_count);
        for (int p = 0; p < axis->path_count; p++) {
            mix_text(hash, axis->paths[p]);
        }
        mix_number(hash, axis->value_count);
        for (int v = 0; v < axis->value_count * axis->path_count; v++) {
            mix_text(hash, axis->values[v]);
        }
    }
}

static void mix_config(uint64_t *hash, const sj_sweep_config *c) {
    mix_text(hash, c->tech);
    mix_text(hash, c->machine != NULL ? c->machine : "skip");
    mix_text(hash, c->step);
    mix_text(hash, c->phase);
    for (int i = 0; i < c->set_count; i++) {
        mix_text(hash, c->sets[i]);
    }
    for (int i = 0; i < c->layer_count; i++) {
        mix_text(hash, c->layers[i]);
    }
    for (int i = 0; i < c->constraint_count; i++) {
        mix_text(hash, sj_expr_text(c->constraints[i]));
    }
    const int64_t numbers[] = {c->batch, c->fuse, c->quantise, c->set_count, c->layer_count, c->constraint_count};
    for (size_t i = 0; i < sizeof numbers / sizeof *numbers; i++) {
        mix_number(hash, numbers[i]);
    }
}

static sj_status mix_tech(sj_builder *b, const char *name, uint64_t *hash, sj_error *err) {
    char *path, *text;
    size_t bytes;
    SJ_TRY(b->find("tech", name, &path, err));
    const sj_status status = sj_read_file(path, &text, &bytes, err);
    free(path);
    SJ_TRY(status);
    mix_text(hash, name);
    mix_text(hash, text);
    free(text);
    return SJ_OK;
}

// A base accelerator and the technology that it names, fixed settings applied.
static sj_status mix_base(sj_builder *b, const int32_t *index, uint64_t *hash, sj_error *err) {
    const int accel_axis = sj_space_find(&b->config->space, "accel");
    sj_builder_settings s;
    sj_config *c = NULL;
    const sj_builder_base *base;
    void *memory;
    SJ_TRY(sj_alloc(&memory, 1, sizeof(sj_accel), "an accelerator", err));
    sj_accel *accel = memory;
    sj_status status = sj_builder_gather(b, index, accel_axis >= 0 ? accel_axis : SJ_AXES_MAX, &s, err);
    status = status == SJ_OK ? sj_builder_open_base(b, s.accel, &base, err) : status;
    status = status == SJ_OK ? sj_builder_read_accel(b, &s, &c, accel, err) : status;
    if (status == SJ_OK) {
        mix_text(hash, base->text);
        status = mix_tech(b, accel->tech, hash, err);
    }
    sj_config_close(c);
    sj_builder_settings_free(&s);
    free(accel);
    return status;
}

static sj_status mix_bases(sj_builder *b, uint64_t *hash, sj_error *err) {
    const int accel_axis = sj_space_find(&b->config->space, "accel");
    int32_t index[SJ_AXES_MAX] = {0};
    const int count = accel_axis >= 0 ? b->config->space.axes[accel_axis].value_count : 1;
    for (int v = 0; v < count; v++) {
        if (accel_axis >= 0) {
            index[accel_axis] = v;
        }
        SJ_TRY(mix_base(b, index, hash, err));
    }
    return SJ_OK;
}

// Technologies that an axis names; labels have no quotes.
static sj_status mix_named_techs(sj_builder *b, uint64_t *hash, sj_error *err) {
    const sj_space *space = &b->config->space;
    for (int a = 0; a < space->axis_count; a++) {
        for (int p = 0; p < space->axes[a].path_count; p++) {
            for (int v = 0; v < space->axes[a].value_count && strcmp(space->axes[a].paths[p], "tech_file") == 0; v++) {
                char word[WORD_MAX];
                SJ_TRY(sj_builder_plain_word(space->axes[a].values[v * space->axes[a].path_count + p], word, err));
                SJ_TRY(mix_tech(b, word, hash, err));
            }
        }
    }
    return SJ_OK;
}

sj_status sj_builder_identity(sj_builder *b, uint64_t *identity, sj_error *err) {
    *identity = SJ_HASH_START;
    mix_text(identity, format);
    mix_config(identity, b->config);
    mix_axes(identity, &b->config->space);
    SJ_TRY(mix_bases(b, identity, err));
    return mix_named_techs(b, identity, err);
}

// ---- the command

typedef struct writer {
    char *text;
    size_t size, used;
} writer;

static void put_text(writer *w, const char *text) {
    for (; *text != '\0' && w->used + 1 < w->size; text++) {
        w->text[w->used++] = *text;
    }
    w->text[w->used] = '\0';
}

static bool needs_quotes(const char *text) { return *text == '\0' || text[strspn(text, "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789_-+=.,/:@%")] != '\0'; }

// prefix: of characters that need no quotes.
static void put_word(writer *w, const char *prefix, const char *text) {
    const bool quoted = needs_quotes(text);
    put_text(w, quoted ? "'" : "");
    put_text(w, prefix);
    for (; *text != '\0'; text++) {
        const char one[2] = {*text, '\0'};
        put_text(w, *text == '\'' ? "'\\''" : one);
    }
    put_text(w, quoted ? "'" : "");
}

static void put_option(writer *w, const char *option, const char *prefix, const char *value) {
    if (value != NULL && *value != '\0') {
        put_text(w, w->used > 0 ? " " : "");
        put_text(w, option);
        put_text(w, " ");
        put_word(w, prefix, value);
    }
}

static sj_status write_command(sj_builder *b, const sj_builder_settings *s, const sj_accel *accel, writer *w, sj_error *err) {
    const sj_sweep_config *c = b->config;
    char number[32] = "";
    put_option(w, "--accel", "", s->accel);
    put_option(w, "--variants", "", s->machine);
    put_option(w, "--codecs", "", sj_codec_name(accel->codec));
    for (int i = 0; i < s->accel_count; i++) {
        put_option(w, "--set", "", s->accel_sets[i]);
    }
    for (int i = 0; i < s->tech_count; i++) {
        put_option(w, "--set", "tech.", s->tech_sets[i]);
    }
    if (s->batch > 0) {
        snprintf(number, sizeof number, "%lld", (long long)s->batch);
    }
    put_option(w, "--batch", "", number);
    put_option(w, "--step", "", c->step);
    for (int i = 0; i < c->layer_count; i++) {
        put_option(w, "--layer", "", c->layers[i]);
    }
    put_option(w, "--phase", "", c->phase);
    put_text(w, c->fuse ? "" : " --no-fuse");
    put_text(w, c->quantise && accel->dtype == SJ_DTYPE_INT8 ? " --quantise" : "");
    return w->used + 1 < w->size ? SJ_OK : SJ_FAIL(err, SJ_ERR_RANGE, "%s: a point's command has more than %zu characters", c->path, w->size - 2);
}

sj_status sj_builder_command(sj_builder *b, uint64_t id, char *text, size_t size, sj_error *err) {
    int32_t index[SJ_AXES_MAX] = {0};
    sj_builder_settings s;
    sj_config *c = NULL;
    void *memory;
    writer w = {text, size, 0};
    text[0] = '\0';
    SJ_TRY(sj_alloc(&memory, 1, sizeof(sj_accel), "an accelerator", err));
    sj_accel *accel = memory;
    sj_space_indexes(&b->config->space, id, index);
    sj_status status = sj_builder_gather(b, index, -1, &s, err);
    status = status == SJ_OK ? sj_builder_read_accel(b, &s, &c, accel, err) : status;
    status = status == SJ_OK ? write_command(b, &s, accel, &w, err) : status;
    sj_config_close(c);
    sj_builder_settings_free(&s);
    free(accel);
    return status;
}
