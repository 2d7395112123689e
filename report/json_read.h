// SPDX-License-Identifier: Apache-2.0
// What the readers of stats.json and run.json share. The first problem stays, as SJ_ERR_FORMAT with file and key; after it every getter returns 0.
#ifndef SJ_JSON_READ_H
#define SJ_JSON_READ_H

#include <jansson.h>

#include "sj_stats.h"

typedef struct sj_json_reader {
    const char *path;
    sj_error *err;
    sj_status status;
} sj_json_reader;

// The root of a file. Caller: json_decref.
sj_status sj_json_open(const char *path, json_t **root, sj_error *err);
void sj_json_miss(sj_json_reader *r, const char *key, const char *wanted);  // the key is missing or not what is wanted
const json_t *sj_json_object_at(sj_json_reader *r, const json_t *o, const char *key);
const json_t *sj_json_array_at(sj_json_reader *r, const json_t *o, const char *key);
uint64_t sj_json_count_at(sj_json_reader *r, const json_t *o, const char *key);
double sj_json_real_at(sj_json_reader *r, const json_t *o, const char *key);
double sj_json_number_at(sj_json_reader *r, const json_t *o, const char *key);  // null: NAN
bool sj_json_flag_at(sj_json_reader *r, const json_t *o, const char *key);      // absent: false
void sj_json_text_at(sj_json_reader *r, const json_t *o, const char *key, bool required, char *out, size_t size);
sj_penalty_work sj_json_penalty_at(sj_json_reader *r, const json_t *o, const char *key);  // absent: none
sj_phase sj_json_phase_at(sj_json_reader *r, const json_t *o, const char *key);
sj_codec sj_json_codec(sj_json_reader *r, const char *name);
sj_variant sj_json_variant(sj_json_reader *r, const char *name);  // "skip/bitmask"
void sj_json_read_provenance(sj_json_reader *r, const json_t *o, sj_provenance *p);
// Zeroed memory for `count` values, one at least; NULL once something went wrong.
void *sj_json_room(sj_json_reader *r, size_t count, size_t size);

#endif
