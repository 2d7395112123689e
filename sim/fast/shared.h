// SPDX-License-Identifier: Apache-2.0
// What runs of jobs leave for later ones: things that follow from a key alone. A key holds all that they follow from: the addresses of values, and everything else by its content, as lists of taps and channels are
// built anew for each job.
#ifndef SJ_FAST_SHARED_INTERNAL_H
#define SJ_FAST_SHARED_INTERNAL_H

#include "sj_fast_internal.h"
#include "sj_fast_shared.h"

typedef enum sj_shared_kind {
    SJ_SHARED_BITS,     // masks of an operand's nonzeros: rows of sj_bits
    SJ_SHARED_STREAM,   // nonzeros of a stream in its order
    SJ_SHARED_GROUPS,   // bursts of a stream's coded groups
    SJ_SHARED_COLUMNS,  // MAC sums, column tiles and lanes of a product
    SJ_SHARED_SIDE,     // A's masks and terms by row of tiles
    SJ_SHARED_ARRAY     // all that the array part says of a product and its blocks
} sj_shared_kind;

// A key is put together by its user, and freed, or handed over by keep. One that found no memory finds nothing.
typedef struct sj_fast_key {
    int64_t *words;
    int64_t count, room;
    uint64_t hash;
    bool no_memory;
} sj_fast_key;

sj_fast_key sj_fast_key_of(sj_shared_kind kind);
void sj_fast_key_free(sj_fast_key *key);
void sj_fast_key_put(sj_fast_key *key, int64_t value);
void sj_fast_key_list(sj_fast_key *key, const int32_t *list, int64_t count);  // NULL is another list than any
void sj_fast_key_values(sj_fast_key *key, const sj_values *values);
void sj_fast_key_operand(sj_fast_key *key, const sj_operand *o);              // all of it but its instances
void sj_fast_key_stream(sj_fast_key *key, const sj_stream *stream);           // its values in their order; addresses are no part of it

typedef struct sj_shared_entry sj_shared_entry;
struct sj_fast_shared {
    bool lasting;                 // outlives the job: worth keeping more than a job asks for twice
    uint64_t bytes_max, bytes, now;
    int64_t count, room;
    sj_shared_entry *entries;
};

// The thing with the key; it stays at least until the job at hand is done. NULL: there is none.
void *sj_fast_shared_find(sj_fast_shared *s, const sj_fast_key *key);
// Takes key and thing over, also on failure; `release` frees the thing, whose memory is `bytes`.
sj_status sj_fast_shared_keep(sj_fast_shared *s, sj_fast_key *key, void *thing, uint64_t bytes, void (*release)(void *thing), sj_error *err);
// A job begins: what earlier jobs left may go where there is no room.
void sj_fast_shared_next(sj_fast_shared *s);

#endif
