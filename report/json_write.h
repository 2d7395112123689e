// SPDX-License-Identifier: Apache-2.0
// What the writers of stats.json and run.json share. Keys keep the order in which they are put, so that equal runs give equal bytes.
#ifndef SJ_JSON_WRITE_H
#define SJ_JSON_WRITE_H

#include <jansson.h>

#include "sj_stats.h"

// What went wrong on the way; sj_json_dump tells.
typedef struct sj_json_maker {
    bool overflow, memory;
} sj_json_maker;

void sj_json_put(sj_json_maker *m, json_t *object, const char *key, json_t *value);          // takes value
void sj_json_append(sj_json_maker *m, json_t *array, json_t *value);                         // takes value
void sj_json_put_text(sj_json_maker *m, json_t *object, const char *key, const char *text);  // nothing where it is empty
json_t *sj_json_count(uint64_t n, sj_json_maker *m);
json_t *sj_json_number(double v);  // NAN: null
json_t *sj_json_provenance(const sj_provenance *p, sj_json_maker *m);
// Writes root and a line end; takes root.
sj_status sj_json_dump(FILE *f, json_t *root, const sj_json_maker *m, sj_error *err);

#endif
