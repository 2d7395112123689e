// SPDX-License-Identifier: Apache-2.0
#include "sj_builder_internal.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "sj_file.h"

void sj_builder_settings_free(sj_builder_settings *s) {
    for (int i = 0; i < s->accel_count; i++) {
        free(s->accel_sets[i]);
    }
    for (int i = 0; i < s->tech_count; i++) {
        free(s->tech_sets[i]);
    }
    s->accel_count = s->tech_count = 0;
}

// ---- settings

// Escapes are those of sj_config_quote; a name has no control characters.
sj_status sj_builder_plain_word(const char *value, char out[WORD_MAX], sj_error *err) {
    const size_t length = strlen(value);
    const bool quoted = length >= 2 && value[0] == '"' && value[length - 1] == '"';
    size_t used = 0;
    if (length >= WORD_MAX) {
        return SJ_FAIL(err, SJ_ERR_CONFIG, "a name of %zu characters; at most %d are allowed: %.100s...", length, WORD_MAX - 1, value);
    }
    for (size_t i = quoted ? 1 : 0, end = quoted ? length - 1 : length; i < end; i++) {
        i += quoted && value[i] == '\\' && i + 1 < end;
        out[used++] = value[i];
    }
    out[used] = '\0';
    return SJ_OK;
}

static sj_status add(char **list, int *count, const char *path, const char *value, sj_error *err) {
    const size_t size = strlen(path) + strlen(value) + 2;
    char *text = *count < SETTINGS_MAX ? malloc(size) : NULL;
    if (text == NULL) {
        return SJ_FAIL(err, SJ_ERR_MEMORY, "no memory for a point's settings");
    }
    snprintf(text, size, "%s=%s", path, value);
    list[(*count)++] = text;
    return SJ_OK;
}

static sj_status put(sj_builder_settings *s, const char *path, const char *value, sj_error *err) {
    if (strcmp(path, "accel") == 0) {
        SJ_TRY(sj_builder_plain_word(value, s->words[0], err));
        s->accel = s->words[0];
    } else if (strcmp(path, "machine") == 0) {
        SJ_TRY(sj_builder_plain_word(value, s->words[1], err));
        s->machine = s->words[1];
    } else if (strcmp(path, "batch") == 0) {
        s->batch = strtoll(value, NULL, 10);
    } else if (strncmp(path, "tech.", 5) == 0) {
        return add(s->tech_sets, &s->tech_count, path + 5, value, err);
    } else {
        return add(s->accel_sets, &s->accel_count, path, value, err);
    }
    return SJ_OK;
}

// As libconfig writes strings: a bare 45 would be a number.
static sj_status quote(const char *text, char *out, size_t size, sj_error *err) {
    size_t used = 0;
    if (2 * strlen(text) + 3 > size) {
        return SJ_FAIL(err, SJ_ERR_CONFIG, "tech: \"%s\" is longer than %zu characters", text, (size - 3) / 2);
    }
    out[used++] = '"';
    for (; *text != '\0'; text++) {
        if (*text == '"' || *text == '\\') {
            out[used++] = '\\';
        }
        out[used++] = *text;
    }
    memcpy(out + used, "\"", 2);
    return SJ_OK;
}

static sj_status put_fixed(const sj_sweep_config *c, sj_builder_settings *s, sj_error *err) {
    s->accel = c->accel;
    s->machine = c->machine != NULL ? c->machine : "skip";
    s->batch = c->batch;
    if (c->tech != NULL) {
        char quoted[2 * 256 + 3];
        SJ_TRY(quote(c->tech, quoted, sizeof quoted, err));
        SJ_TRY(add(s->accel_sets, &s->accel_count, "tech_file", quoted, err));
    }
    for (int i = 0; i < c->set_count; i++) {
        const char *equals = strchr(c->sets[i], '=');
        const bool tech = strncmp(c->sets[i], "tech.", 5) == 0;
        char path[SJ_CONFIG_PATH_MAX];
        snprintf(path, sizeof path, "%.*s", equals != NULL ? (int)(equals - c->sets[i]) : 0, c->sets[i]);
        if (equals == NULL || path[0] == '\0') {
            return SJ_FAIL(err, SJ_ERR_CONFIG, "%s: set: \"%s\" is not PATH=VALUE", c->path, c->sets[i]);
        }
        SJ_TRY(tech ? add(s->tech_sets, &s->tech_count, path + 5, equals + 1, err) : add(s->accel_sets, &s->accel_count, path, equals + 1, err));
    }
    return SJ_OK;
}

static sj_status put_axis(const sj_axis *axis, int value, sj_builder_settings *s, sj_error *err) {
    for (int p = 0; p < axis->path_count; p++) {
        SJ_TRY(put(s, axis->paths[p], axis->values[value * axis->path_count + p], err));
    }
    return SJ_OK;
}

sj_status sj_builder_gather(const sj_builder *b, const int32_t *index, int only_axis, sj_builder_settings *s, sj_error *err) {
    const sj_space *space = &b->config->space;
    memset(s, 0, sizeof *s);
    SJ_TRY(put_fixed(b->config, s, err));
    for (int a = 0; a < space->axis_count; a++) {
        if (only_axis < 0 || only_axis == a) {
            SJ_TRY(put_axis(&space->axes[a], index[a], s, err));
        }
    }
    return SJ_OK;
}

// ---- files

sj_status sj_builder_open_base(sj_builder *b, const char *name, const sj_builder_base **out, sj_error *err) {
    for (int i = 0; i < b->base_count; i++) {
        if (strcmp(b->bases[i].name, name) == 0) {
            *out = &b->bases[i];
            return SJ_OK;
        }
    }
    if (b->base_count == BASES_MAX) {
        return SJ_FAIL(err, SJ_ERR_RANGE, "%s: more than %d base accelerators", b->config->path, BASES_MAX);
    }
    sj_builder_base n = {.name = strdup(name)};
    size_t bytes;
    sj_status status = n.name != NULL ? b->find("accel", name, &n.path, err) : SJ_FAIL(err, SJ_ERR_MEMORY, "%s: no memory for its name", name);
    if (status != SJ_OK) {
        sj_error_prefix(err, "%s: accel", b->config->path);
    }
    status = status == SJ_OK ? sj_read_file(n.path, &n.text, &bytes, err) : status;
    if (status != SJ_OK) {
        free(n.name);
        free(n.path);
        return status;
    }
    b->bases[b->base_count] = n;
    *out = &b->bases[b->base_count++];
    return SJ_OK;
}

static char *tech_key(const char *name, const sj_builder_settings *s) {
    size_t size = strlen(name) + 2, used = 0;
    for (int i = 0; i < s->tech_count; i++) {
        size += strlen(s->tech_sets[i]) + 1;
    }
    char *key = malloc(size);
    if (key != NULL) {
        used = (size_t)snprintf(key, size, "%s\n", name);
        for (int i = 0; i < s->tech_count; i++) {
            used += (size_t)snprintf(key + used, size - used, "%s\n", s->tech_sets[i]);
        }
    }
    return key;
}

static sj_status read_tech(sj_builder *b, const char *name, const sj_builder_settings *s, sj_tech **out, sj_error *err) {
    char *path;
    if (b->find("tech", name, &path, err) != SJ_OK) {
        return sj_error_prefix(err, "%s: tech", b->config->path);
    }
    const sj_status status = sj_tech_open(path, (const char *const *)s->tech_sets, s->tech_count, out, err);
    free(path);
    return status;
}

// The least recently added goes where there are many.
static sj_status open_tech(sj_builder *b, const char *name, const sj_builder_settings *s, const sj_tech **out, sj_error *err) {
    char *key = tech_key(name, s);
    if (key == NULL) {
        return SJ_FAIL(err, SJ_ERR_MEMORY, "%s: no memory for its name", name);
    }
    for (int i = 0; i < b->tech_count; i++) {
        if (strcmp(b->techs[i].key, key) == 0) {
            free(key);
            *out = b->techs[i].tech;
            return SJ_OK;
        }
    }
    sj_tech *tech;
    if (read_tech(b, name, s, &tech, err) != SJ_OK) {
        free(key);
        return err->status;
    }
    if (b->tech_count == TECHS_MAX) {
        sj_tech_close(b->techs[0].tech);
        free(b->techs[0].key);
        memmove(&b->techs[0], &b->techs[1], (TECHS_MAX - 1) * sizeof b->techs[0]);
        b->tech_count--;
    }
    b->techs[b->tech_count++] = (sj_builder_tech){key, tech};
    *out = tech;
    return SJ_OK;
}

sj_status sj_builder_read_accel(sj_builder *b, const sj_builder_settings *s, sj_config **c, sj_accel *accel, sj_error *err) {
    const sj_builder_base *from;
    *c = NULL;
    SJ_TRY(sj_builder_open_base(b, s->accel, &from, err));
    SJ_TRY(sj_config_parse(from->text, from->path, c, err));
    for (int i = 0; i < s->accel_count; i++) {
        SJ_TRY(sj_config_override(*c, s->accel_sets[i], err));
    }
    sj_accel_read(*c, accel);
    return sj_config_finish(*c, err);
}

// ---- constraints

typedef struct names {
    const sj_builder *b;
    const sj_config *c;
    const sj_builder_settings *s;
    double area_mm2;
} names;

static sj_status unknown_name(const names *n, const char *name, sj_error *err) {
    if (sj_config_is_known(n->c, name)) {
        return SJ_FAIL(err, SJ_ERR_CONFIG, "\"%s\" is left out of the accelerator's file; a constraint needs it there, in set or as an axis", name);
    }
    const char *own[] = {"area_mm2", "machine", "batch", "accel"};
    const char *nearest = sj_config_nearest_known(n->c, name);
    nearest = nearest != NULL ? nearest : sj_nearest_name(name, own, 4);
    return SJ_FAIL(err, SJ_ERR_CONFIG, "\"%s\" is no key of the accelerator's file, nor machine, batch, accel or area_mm2%s%s%s", name, nearest != NULL ? "; did you mean \"" : "",
                   nearest != NULL ? nearest : "", nearest != NULL ? "\"?" : "");
}

static sj_status look_up(void *context, const char *name, sj_expr_value *out, sj_error *err) {
    const names *n = context;
    memset(out, 0, sizeof *out);
    if (strcmp(name, "batch") == 0 && n->s->batch == 0) {
        return SJ_FAIL(err, SJ_ERR_CONFIG, "a constraint over batch needs a batch, as a key or as an axis");
    }
    if (strcmp(name, "area_mm2") == 0 || strcmp(name, "batch") == 0) {
        out->type = SJ_EXPR_NUMBER;
        out->number = name[0] == 'a' ? n->area_mm2 : (double)n->s->batch;
        return SJ_OK;
    }
    if (strcmp(name, "machine") == 0 || strcmp(name, "accel") == 0) {
        out->type = SJ_EXPR_TEXT;
        out->text = name[0] == 'm' ? n->s->machine : n->s->accel;
        return SJ_OK;
    }
    const sj_config_value value = sj_config_peek(n->c, name);
    out->number = value.number;
    out->truth = value.truth;
    out->text = value.text;
    switch (value.type) {
        case SJ_PEEK_NUMBER: out->type = SJ_EXPR_NUMBER; return SJ_OK;
        case SJ_PEEK_BOOL: out->type = SJ_EXPR_BOOL; return SJ_OK;
        case SJ_PEEK_TEXT: out->type = SJ_EXPR_TEXT; return SJ_OK;
        default: return unknown_name(n, name, err);
    }
}

static sj_status check_constraints(names *n, bool *valid, char reason[512], sj_error *err) {
    const sj_sweep_config *c = n->b->config;
    for (int i = 0; i < c->constraint_count && *valid; i++) {
        SJ_TRY(sj_expr_holds(c->constraints[i], look_up, n, valid, err));
        if (!*valid) {
            snprintf(reason, 512, "constraint: %.480s", sj_expr_text(c->constraints[i]));
        }
    }
    return SJ_OK;
}

// ---- points

// Several lines become one.
static void keep_reason(const sj_error *err, char reason[512]) {
    snprintf(reason, 512, "%.511s", err->message);
    for (char *p = reason; *p != '\0'; p++) {
        *p = *p == '\n' ? ';' : *p;
    }
}

static sj_machine machine_of(const char *name) { return strcmp(name, "dense") == 0 ? SJ_MACHINE_DENSE : strcmp(name, "gate") == 0 ? SJ_MACHINE_GATE : SJ_MACHINE_SKIP; }

static sj_status make(sj_builder *b, const sj_builder_settings *s, sj_config **c, sj_built *out, bool *valid, char reason[512], sj_error *err) {
    const sj_tech *tech = NULL;
    sj_eval_point *p = &out->point;
    memset(p, 0, sizeof *p);
    *valid = true;
    reason[0] = '\0';
    sj_status status = sj_builder_read_accel(b, s, c, &p->accel, err);
    p->machine = machine_of(s->machine);
    p->batch = s->batch;
    p->prices = &out->prices;
    status = status == SJ_OK ? open_tech(b, p->accel.tech, s, &tech, err) : status;
    if (status == SJ_OK) {
        p->area_mm2 = sj_tech_area(tech, &p->accel, p->machine).total_mm2[SJ_TYPICAL];
        names n = {b, *c, s, p->area_mm2};
        status = check_constraints(&n, valid, reason, err);
        status = status == SJ_OK && *valid ? sj_tech_prices(tech, &p->accel, p->machine, &out->prices, err) : status;
    }
    if (status == SJ_ERR_CONFIG || status == SJ_ERR_UNSUPPORTED || status == SJ_ERR_RANGE || status == SJ_ERR_NUMERIC) {
        *valid = false;
        keep_reason(err, reason);
        return SJ_OK;
    }
    return status;
}

sj_status sj_builder_make(sj_builder *b, uint64_t id, sj_built *out, bool *valid, char reason[512], sj_error *err) {
    int32_t index[SJ_AXES_MAX] = {0};
    sj_builder_settings s;
    sj_config *c = NULL;
    sj_space_indexes(&b->config->space, id, index);
    sj_status status = sj_builder_gather(b, index, -1, &s, err);
    status = status == SJ_OK ? make(b, &s, &c, out, valid, reason, err) : status;
    sj_config_close(c);
    sj_builder_settings_free(&s);
    return status;
}

// ---- opening

// The base with its fixed settings; what fails here is no point's fault.
static sj_status check_base(sj_builder *b, sj_error *err) {
    const int accel_axis = sj_space_find(&b->config->space, "accel"), only = accel_axis >= 0 ? accel_axis : SJ_AXES_MAX;
    sj_builder_settings s;
    sj_config *c = NULL;
    const sj_tech *tech;
    void *memory;
    const int32_t first[SJ_AXES_MAX] = {0};
    SJ_TRY(sj_alloc(&memory, 1, sizeof(sj_accel), "an accelerator", err));
    sj_accel *accel = memory;
    sj_status status = sj_builder_gather(b, first, only, &s, err);
    status = status == SJ_OK ? sj_builder_read_accel(b, &s, &c, accel, err) : status;
    status = status == SJ_OK ? open_tech(b, accel->tech, &s, &tech, err) : status;
    sj_config_close(c);
    sj_builder_settings_free(&s);
    free(accel);
    return status;
}

// Paths that only the accelerator's reader can know; those of the tech file are tried as values.
static sj_status check_paths(sj_builder *b, const sj_axis *axis, sj_error *err) {
    sj_config *c = NULL;
    sj_accel *accel = malloc(sizeof *accel);
    if (accel == NULL || sj_config_parse(b->bases[0].text, b->bases[0].path, &c, err) != SJ_OK) {
        free(accel);
        return accel != NULL ? err->status : SJ_FAIL(err, SJ_ERR_MEMORY, "no memory for an accelerator");
    }
    sj_accel_read(c, accel);
    free(accel);
    sj_status status = SJ_OK;
    for (int p = 0; p < axis->path_count && status == SJ_OK; p++) {
        const char *path = axis->paths[p];
        const bool own = strcmp(path, "accel") == 0 || strcmp(path, "machine") == 0 || strcmp(path, "batch") == 0 || strncmp(path, "tech.", 5) == 0 || strncmp(path, "mapping.pin", 11) == 0;
        if (!own && !sj_config_is_known(c, path)) {
            const char *nearest = sj_config_nearest_known(c, path);
            status = SJ_FAIL(err, SJ_ERR_CONFIG, "%s: axes: unknown key \"%s\": the accelerator's file has no such key%s%s%s", b->config->path, path, nearest != NULL ? "; did you mean \"" : "",
                             nearest != NULL ? nearest : "", nearest != NULL ? "\"?" : "");
        }
    }
    sj_config_close(c);
    return status;
}

// Whether the readers of accelerator and technology take one value of an axis on the base. What values allow only together is seen point by point.
static sj_status try_value(sj_builder *b, int axis, int value, bool *allowed, char reason[512], sj_error *err) {
    const int accel_axis = sj_space_find(&b->config->space, "accel");
    int32_t index[SJ_AXES_MAX] = {0};
    sj_builder_settings s;
    sj_config *c = NULL;
    const sj_tech *tech;
    void *memory;
    SJ_TRY(sj_alloc(&memory, 1, sizeof(sj_accel), "an accelerator", err));
    sj_accel *accel = memory;
    index[axis] = value;
    sj_status status = sj_builder_gather(b, index, axis, &s, err);
    if (status == SJ_OK && s.accel == NULL) {
        status = put_axis(&b->config->space.axes[accel_axis], 0, &s, err);
    }
    status = status == SJ_OK ? sj_builder_read_accel(b, &s, &c, accel, err) : status;
    status = status == SJ_OK ? open_tech(b, accel->tech, &s, &tech, err) : status;
    sj_config_close(c);
    sj_builder_settings_free(&s);
    free(accel);
    *allowed = status == SJ_OK;
    if (status != SJ_ERR_CONFIG) {
        return status;
    }
    keep_reason(err, reason);
    return SJ_OK;
}

// An axis of which no value is allowed is a mistake, not a space of invalid points.
static sj_status check_values(sj_builder *b, int axis, sj_error *err) {
    const sj_axis *a = &b->config->space.axes[axis];
    char reason[512] = "", first[512] = "";
    bool any = false;
    for (int v = 0; v < a->value_count && !any; v++) {
        SJ_TRY(try_value(b, axis, v, &any, reason, err));
        b->allowed[axis] = v;
        if (v == 0) {
            memcpy(first, reason, sizeof first);
        }
    }
    return any ? SJ_OK : SJ_FAIL(err, SJ_ERR_CONFIG, "%s: axis \"%s\": none of its values is allowed: %s", b->config->path, a->name, first);
}

// Every name of every constraint, those too that no point looks at; then each by itself, for values of wrong types, where the machine is `readable`: axes' values were tried one by one, together they may not be allowed.
static sj_status check_names(names *n, bool readable, sj_error *err) {
    const sj_sweep_config *c = n->b->config;
    for (int i = 0; i < c->constraint_count; i++) {
        const char *name;
        sj_expr_value value;
        bool holds;
        for (int k = 0; (name = sj_expr_name(c->constraints[i], k)) != NULL; k++) {
            SJ_TRY(look_up(n, name, &value, err));
        }
        const sj_status status = readable ? sj_expr_holds(c->constraints[i], look_up, n, &holds, err) : SJ_OK;
        if (status != SJ_OK && status != SJ_ERR_NUMERIC) {  // a division by zero is the first point's own
            return status;
        }
    }
    return SJ_OK;
}

// On one base, with the first allowed value of every other axis.
static sj_status check_constraints_on(sj_builder *b, const int32_t *index, sj_error *err) {
    sj_builder_settings s;
    sj_config *c = NULL;
    const sj_tech *tech = NULL;
    void *memory;
    SJ_TRY(sj_alloc(&memory, 1, sizeof(sj_accel), "an accelerator", err));
    sj_accel *accel = memory;
    sj_status status = sj_builder_gather(b, index, -1, &s, err);
    status = status == SJ_OK ? sj_builder_read_accel(b, &s, &c, accel, err) : status;
    status = status == SJ_OK ? open_tech(b, accel->tech, &s, &tech, err) : status;
    if (status == SJ_OK || (status == SJ_ERR_CONFIG && c != NULL)) {
        names n = {b, c, &s, tech != NULL ? sj_tech_area(tech, accel, machine_of(s.machine)).total_mm2[SJ_TYPICAL] : 0.0};
        status = check_names(&n, tech != NULL, err);
        if (status != SJ_OK) {
            sj_error_prefix(err, "%s: constraints", b->config->path);
        }
    }
    sj_config_close(c);
    sj_builder_settings_free(&s);
    free(accel);
    return status;
}

// A mistake in a constraint is no point's fault.
static sj_status check_all_constraints(sj_builder *b, sj_error *err) {
    const int accel_axis = sj_space_find(&b->config->space, "accel"), count = accel_axis >= 0 ? b->config->space.axes[accel_axis].value_count : 1;
    int32_t index[SJ_AXES_MAX];
    memcpy(index, b->allowed, sizeof index);
    for (int v = 0; v < count && b->config->constraint_count > 0; v++) {
        if (accel_axis >= 0) {
            index[accel_axis] = v;
        }
        SJ_TRY(check_constraints_on(b, index, err));
    }
    return SJ_OK;
}

sj_status sj_builder_open(const sj_sweep_config *config, sj_find_config find, sj_builder **out, sj_error *err) {
    void *memory;
    *out = NULL;
    SJ_TRY(sj_alloc(&memory, 1, sizeof(sj_builder), "a sweep's machines", err));
    sj_builder *b = memory;
    b->config = config;
    b->find = find;
    sj_status status = check_base(b, err);
    for (int a = 0; a < config->space.axis_count && status == SJ_OK; a++) {
        status = check_paths(b, &config->space.axes[a], err);
    }
    for (int a = 0; a < config->space.axis_count && status == SJ_OK; a++) {
        status = check_values(b, a, err);
    }
    status = status == SJ_OK ? check_all_constraints(b, err) : status;
    if (status != SJ_OK) {
        sj_builder_close(b);
        return status;
    }
    *out = b;
    return SJ_OK;
}

void sj_builder_close(sj_builder *b) {
    if (b == NULL) {
        return;
    }
    for (int i = 0; i < b->base_count; i++) {
        free(b->bases[i].name);
        free(b->bases[i].path);
        free(b->bases[i].text);
    }
    for (int i = 0; i < b->tech_count; i++) {
        free(b->techs[i].key);
        sj_tech_close(b->techs[i].tech);
    }
    free(b);
}
