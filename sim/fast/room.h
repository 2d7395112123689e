// SPDX-License-Identifier: Apache-2.0
// Memory of a run that later runs take over: a job needs a few large arrays for milliseconds, and fresh pages would cost as much as the work on them.
#ifndef SJ_FAST_ROOM_H
#define SJ_FAST_ROOM_H

#include <stddef.h>
#include <stdint.h>

#include "sj_error.h"

// count elements, all zero; or with whatever they held before. `out` is the address of a pointer to any type, which
// must be freed by sj_fast_give_back; NULL where this fails. From several threads at once.
sj_status sj_fast_take_zeroed(void *out, uint64_t count, size_t size, const char *what, sj_error *err);
sj_status sj_fast_take(void *out, uint64_t count, size_t size, const char *what, sj_error *err);
void sj_fast_give_back(void *memory);  // NULL is allowed

#endif
