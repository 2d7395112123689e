// SPDX-License-Identifier: Apache-2.0
// Mappings found before: layers of one shape recur within a network and from step to step. A memo changes no mapping; it holds what the search said of equal questions.
#ifndef SJ_MAP_MEMO_H
#define SJ_MAP_MEMO_H

#include "sj_error.h"

#ifdef __cplusplus
extern "C" {
#endif

typedef struct sj_map_memo sj_map_memo;
sj_status sj_map_memo_create(sj_map_memo **out, sj_error *err);
void sj_map_memo_clear(sj_map_memo *m);
void sj_map_memo_free(sj_map_memo *m);  // NULL is allowed

#ifdef __cplusplus
}
#endif
#endif
