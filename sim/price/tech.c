// SPDX-License-Identifier: Apache-2.0
// Reading a tech file. What the numbers mean in joules is in prices.c.
#include <float.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "sj_config.h"
#include "sj_file.h"
#include "sj_tech_keys.h"

static void read_unit_and_source(sj_config *c, const char *key, const char *unit) {
    char path[192];
    snprintf(path, sizeof path, "%s.unit", key);
    const char *given = sj_config_string(c, path, SJ_REQUIRED, unit);
    if (sj_config_has(c, path) && strcmp(given, unit) != 0) {
        sj_config_error(c, SJ_CFG_RANGE, path, "%s: \"%s\" is not this entry's unit; allowed: \"%s\"", path, given, unit);
    }
    snprintf(path, sizeof path, "%s.source", key);
    const char *source = sj_config_string(c, path, SJ_REQUIRED, "");
    if (sj_config_has(c, path) && strspn(source, " \t") == strlen(source)) {
        sj_config_error(c, SJ_CFG_RANGE, path, "%s: empty; write where the numbers come from", path);
    }
}

// Entries of one group are wrong together. Without a group an entry is a source of error by itself, under its own key.
static void read_group(sj_config *c, const char *key, const char *own_name, sj_tech_value *out) {
    char path[192];
    snprintf(path, sizeof path, "%s.group", key);
    const char *group = sj_config_string(c, path, SJ_OPTIONAL, own_name);
    const size_t length = strlen(group);
    if (length == 0 || length >= sizeof out->source || strspn(group, "abcdefghijklmnopqrstuvwxyz0123456789_") != length) {
        sj_config_error(c, SJ_CFG_RANGE, path, "%s: \"%s\"; allowed: 1 to %zu of a-z, 0-9 and _", path, group, sizeof out->source - 1);
        group = own_name;
    }
    snprintf(out->source, sizeof out->source, "%s", group);
}

static void read_entry(sj_config *c, const char *key, const char *own_name, const char *unit, sj_tech_value *out) {
    static const char *const names[SJ_BOUND_COUNT] = {"low", "typical", "high"};
    char path[192];
    if (sj_config_length(c, key, SJ_REQUIRED) == 0 && !sj_config_has(c, key)) {
        return;  // one message for the entry, not one for each of its parts
    }
    for (int b = 0; b < SJ_BOUND_COUNT; b++) {
        snprintf(path, sizeof path, "%s.%s", key, names[b]);
        out->at[b] = sj_config_float(c, path, SJ_REQUIRED, 0.0, 0.0, 1e12);
    }
    for (int b = 1; b < SJ_BOUND_COUNT; b++) {
        // A missing or refused number reads as 0 and has its own message.
        if (out->at[b] > 0.0 && out->at[b - 1] > out->at[b]) {
            snprintf(path, sizeof path, "%s.%s", key, names[b]);
            sj_config_error(c, SJ_CFG_RANGE, path, "%s: %s %g is above %s %g; required: low <= typical <= high", path, names[b - 1], out->at[b - 1], names[b], out->at[b]);
        }
    }
    read_unit_and_source(c, key, unit);
    read_group(c, key, own_name, out);
}

static void read_dram(sj_config *c, sj_tech *t) {
    int known = 0;
    const char *const *names = sj_dram_names(&known);
    char path[128];
    for (int i = 0; i < known && t->dram_count < SJ_TECH_DRAM_MAX; i++) {
        snprintf(path, sizeof path, "dram.%s", names[i]);
        if (sj_config_length(c, path, SJ_OPTIONAL) == 0) {
            continue;
        }
        sj_tech_dram *d = &t->dram[t->dram_count++];
        d->type = names[i];
#define SJ_X(key, unit)                                             \
    snprintf(path, sizeof path, "dram.%s." #key, names[i]); \
    read_entry(c, path, "dram_" #key, unit, &d->key);
        SJ_TECH_DRAM_KEYS(SJ_X)
#undef SJ_X
    }
}

static sj_status read_all(sj_config *c, sj_tech *t, sj_error *err) {
    const char *name = sj_config_string(c, "name", SJ_REQUIRED, "");
#define SJ_X(key, unit) read_entry(c, #key, #key, unit, &t->key);
    SJ_TECH_KEYS(SJ_X)
#undef SJ_X
    sj_tech_read_sram(c, &t->sram);
    read_dram(c, t);
    t->name = strdup(name);
    if (t->name == NULL) {
        return SJ_FAIL(err, SJ_ERR_MEMORY, "%s: no memory for its name", t->path);
    }
    SJ_TRY(sj_config_finish(c, err));
    return sj_config_text(c, &t->text, err);
}

sj_status sj_tech_open(const char *path, const char *const *overrides, int override_count, sj_tech **out, sj_error *err) {
    *out = NULL;
    void *memory;
    SJ_TRY(sj_alloc(&memory, 1, sizeof(sj_tech), "the tech file", err));
    sj_tech *t = memory;
    sj_config *c = NULL;
    t->path = strdup(path);
    sj_status status = t->path == NULL ? SJ_FAIL(err, SJ_ERR_MEMORY, "%s: no memory for its name", path) : sj_config_open(path, &c, err);
    for (int i = 0; status == SJ_OK && i < override_count; i++) {
        status = sj_config_override(c, overrides[i], err);
    }
    if (status == SJ_OK) {
        status = read_all(c, t, err);
    }
    sj_config_close(c);
    if (status != SJ_OK) {
        sj_tech_close(t);
        return status;
    }
    *out = t;
    return SJ_OK;
}

void sj_tech_close(sj_tech *t) {
    if (t != NULL) {
        free(t->path);
        free(t->name);
        free(t->text);
        free(t);
    }
}

const char *sj_tech_name(const sj_tech *t) { return t->name; }

const char *sj_tech_text(const sj_tech *t) { return t->text; }
