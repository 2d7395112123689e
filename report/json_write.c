// SPDX-License-Identifier: Apache-2.0
#include "json_write.h"

#include <errno.h>
#include <math.h>
#include <string.h>

void sj_json_put(sj_json_maker *m, json_t *object, const char *key, json_t *value) { m->memory = json_object_set_new(object, key, value) != 0 || m->memory; }

void sj_json_append(sj_json_maker *m, json_t *array, json_t *value) { m->memory = json_array_append_new(array, value) != 0 || m->memory; }

void sj_json_put_text(sj_json_maker *m, json_t *object, const char *key, const char *text) {
    if (text[0] != '\0') {
        sj_json_put(m, object, key, json_string(text));
    }
}

// Counts pass INT64_MAX only by an error: JSON readers would not take them.
json_t *sj_json_count(uint64_t n, sj_json_maker *m) {
    m->overflow = m->overflow || n > INT64_MAX;
    return json_integer((json_int_t)(n & INT64_MAX));
}

json_t *sj_json_number(double v) { return isnan(v) ? json_null() : json_real(v); }

json_t *sj_json_provenance(const sj_provenance *p, sj_json_maker *m) {
    json_t *o = json_object();
    sj_json_put_text(m, o, "version", p->version);
    sj_json_put_text(m, o, "host", p->host);
    sj_json_put(m, o, "wall_seconds", json_real(p->wall_seconds));
    if (p->has_seed) {
        sj_json_put(m, o, "seed", json_integer((json_int_t)p->seed));
    }
    sj_json_put_text(m, o, "input", p->input);
    sj_json_put_text(m, o, "input_hash", p->input_hash);
    sj_json_put_text(m, o, "accel_file", p->accel_file);
    sj_json_put_text(m, o, "tech_file", p->tech_file);
    sj_json_put_text(m, o, "check", p->check);
    return o;
}

sj_status sj_json_dump(FILE *f, json_t *root, const sj_json_maker *m, sj_error *err) {
    sj_status status = SJ_OK;
    if (m->overflow) {
        status = SJ_FAIL(err, SJ_ERR_RANGE, "a counter passes 2^63 - 1 and cannot stand in JSON");
    } else if (root == NULL || m->memory) {
        status = SJ_FAIL(err, SJ_ERR_MEMORY, "no memory to write the results as JSON");
    } else if (json_dumpf(root, f, JSON_INDENT(1)) != 0 || fputc('\n', f) == EOF) {
        status = SJ_FAIL(err, SJ_ERR_IO, "cannot write the results as JSON: %s", strerror(errno));
    }
    json_decref(root);
    return status;
}
