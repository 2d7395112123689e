// SPDX-License-Identifier: Apache-2.0
#include "json_read.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "sj_file.h"

sj_status sj_json_open(const char *path, json_t **root, sj_error *err) {
    char *text;
    size_t bytes;
    SJ_TRY(sj_read_file(path, &text, &bytes, err));
    json_error_t where;
    *root = json_loadb(text, bytes, JSON_REJECT_DUPLICATES, &where);
    free(text);
    return *root != NULL ? SJ_OK : SJ_FAIL(err, SJ_ERR_FORMAT, "%s:%d: not JSON: %s", path, where.line, where.text);
}

void sj_json_miss(sj_json_reader *r, const char *key, const char *wanted) {
    if (r->status == SJ_OK) {
        r->status = SJ_FAIL(r->err, SJ_ERR_FORMAT, "%s: key \"%s\" is missing or not %s", r->path, key, wanted);
    }
}

const json_t *sj_json_object_at(sj_json_reader *r, const json_t *o, const char *key) {
    const json_t *v = json_object_get(o, key);
    if (!json_is_object(v)) {
        sj_json_miss(r, key, "an object");
    }
    return v;
}

const json_t *sj_json_array_at(sj_json_reader *r, const json_t *o, const char *key) {
    const json_t *v = json_object_get(o, key);
    if (!json_is_array(v)) {
        sj_json_miss(r, key, "a list");
    }
    return v;
}

uint64_t sj_json_count_at(sj_json_reader *r, const json_t *o, const char *key) {
    const json_t *v = json_object_get(o, key);
    if (!json_is_integer(v) || json_integer_value(v) < 0) {
        sj_json_miss(r, key, "an integer of at least 0");
        return 0;
    }
    return (uint64_t)json_integer_value(v);
}

double sj_json_real_at(sj_json_reader *r, const json_t *o, const char *key) {
    const json_t *v = json_object_get(o, key);
    if (!json_is_number(v)) {
        sj_json_miss(r, key, "a number");
    }
    return json_number_value(v);
}

double sj_json_number_at(sj_json_reader *r, const json_t *o, const char *key) {
    return json_is_null(json_object_get(o, key)) ? (double)NAN : sj_json_real_at(r, o, key);
}

bool sj_json_flag_at(sj_json_reader *r, const json_t *o, const char *key) {
    const json_t *v = json_object_get(o, key);
    if (v != NULL && !json_is_boolean(v)) {
        sj_json_miss(r, key, "true or false");
    }
    return json_is_true(v);
}

void sj_json_text_at(sj_json_reader *r, const json_t *o, const char *key, bool required, char *out, size_t size) {
    const json_t *v = json_object_get(o, key);
    if ((required && !json_is_string(v)) || (json_is_string(v) && json_string_length(v) >= size)) {
        sj_json_miss(r, key, "a text of the allowed length");
        return;
    }
    snprintf(out, size, "%s", json_is_string(v) ? json_string_value(v) : "");
}

sj_penalty_work sj_json_penalty_at(sj_json_reader *r, const json_t *o, const char *key) {
    const json_t *v = json_object_get(o, key);
    if (v == NULL) {
        return SJ_PENALTY_WORK_NONE;
    }
    for (int i = SJ_PENALTY_WORK_NONE + 1; i < SJ_PENALTY_WORK_COUNT && json_is_string(v); i++) {
        if (strcmp(json_string_value(v), sj_penalty_work_names[i]) == 0) {
            return (sj_penalty_work)i;
        }
    }
    if (json_is_string(v) && r->status == SJ_OK) {
        r->status = SJ_FAIL(r->err, SJ_ERR_FORMAT, "%s: key \"%s\" is \"%.64s\"; it must be \"%s\" or \"%s\"", r->path, key, json_string_value(v),
                            sj_penalty_work_names[SJ_PENALTY_WORK_CHARGED], sj_penalty_work_names[SJ_PENALTY_WORK_LEFT_OUT]);
    }
    sj_json_miss(r, key, "a text");
    return SJ_PENALTY_WORK_NONE;
}

sj_phase sj_json_phase_at(sj_json_reader *r, const json_t *o, const char *key) {
    char phase[24] = "";
    sj_json_text_at(r, o, key, true, phase, sizeof phase);
    for (int p = 0; p < SJ_PHASE_COUNT; p++) {
        if (strcmp(phase, sj_phase_name((sj_phase)p)) == 0) {
            return (sj_phase)p;
        }
    }
    sj_json_miss(r, key, "the name of a phase");
    return (sj_phase)0;
}

sj_codec sj_json_codec(sj_json_reader *r, const char *name) {
    for (int c = 0; c < SJ_CODEC_COUNT; c++) {
        if (strcmp(name, sj_codec_name((sj_codec)c)) == 0) {
            return (sj_codec)c;
        }
    }
    sj_json_miss(r, name, "a codec");
    return SJ_CODEC_NONE;
}

sj_variant sj_json_variant(sj_json_reader *r, const char *name) {
    for (int m = 0; m <= SJ_MACHINE_SKIP; m++) {
        const char *machine = sj_machine_name((sj_machine)m);
        if (strncmp(name, machine, strlen(machine)) == 0 && name[strlen(machine)] == '/') {
            return (sj_variant){(sj_machine)m, sj_json_codec(r, name + strlen(machine) + 1)};
        }
    }
    sj_json_miss(r, name, "machine/codec");
    return (sj_variant){SJ_MACHINE_DENSE, SJ_CODEC_NONE};
}

void sj_json_read_provenance(sj_json_reader *r, const json_t *o, sj_provenance *p) {
    p->wall_seconds = sj_json_real_at(r, o, "wall_seconds");
    p->has_seed = json_is_integer(json_object_get(o, "seed"));
    p->seed = json_integer_value(json_object_get(o, "seed"));
    sj_json_text_at(r, o, "version", false, p->version, sizeof p->version);
    sj_json_text_at(r, o, "host", false, p->host, sizeof p->host);
    sj_json_text_at(r, o, "input", false, p->input, sizeof p->input);
    sj_json_text_at(r, o, "input_hash", false, p->input_hash, sizeof p->input_hash);
    sj_json_text_at(r, o, "accel_file", false, p->accel_file, sizeof p->accel_file);
    sj_json_text_at(r, o, "tech_file", false, p->tech_file, sizeof p->tech_file);
    sj_json_text_at(r, o, "check", false, p->check, sizeof p->check);
}

void *sj_json_room(sj_json_reader *r, size_t count, size_t size) {
    void *memory = NULL;
    if (r->status == SJ_OK) {
        r->status = sj_alloc(&memory, count + 1, size, "the results of a run", r->err);
    }
    return r->status == SJ_OK ? memory : NULL;
}
