// SPDX-License-Identifier: Apache-2.0
// The key "facts" of run.json.
#ifndef SJ_WHOLE_RUN_FACTS_H
#define SJ_WHOLE_RUN_FACTS_H

#include "json_read.h"
#include "json_write.h"
#include "sj_whole_run.h"

json_t *sj_run_facts_json(const sj_run_facts *f, sj_json_maker *m);
// Where one of them is missing none is known: the file is older than that fact.
void sj_run_facts_read(sj_json_reader *r, const json_t *o, sj_run_facts *f);

#endif
