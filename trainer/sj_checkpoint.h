// SPDX-License-Identifier: Apache-2.0
// checkpoint.bin, version 2: named sections of bytes, in one file that is whole or absent. It knows nothing of what the sections mean (sj_state.h does).
//
// Layout, little-endian: a header of 64 bytes (magic "SJCHKPT\0"; then 64-bit words: version, bytes of the file, place of the table, sections, hash, two zeros), the sections, each padded with zeros to
// 8 bytes, and the table, 144 bytes a section: name (128 bytes, padded with zeros), place, bytes. The hash is over everything but itself; that one changed byte changes it is certain, not
// only likely: each step of it can be undone.
#ifndef SJ_CHECKPOINT_H
#define SJ_CHECKPOINT_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "sj_error.h"

#define SJ_CHECKPOINT_VERSION 2
#define SJ_CHECKPOINT_NAME_MAX 128  // with the NUL

// ---- writing. The file appears under `path` at commit and takes the place of an older one; until then the older one stays.
typedef struct sj_checkpoint_writer sj_checkpoint_writer;

sj_status sj_checkpoint_create(const char *path, sj_checkpoint_writer **out, sj_error *err);
// A section; it is written at once, nothing is kept of it. A name may be used once. bytes may be 0.
sj_status sj_checkpoint_add(sj_checkpoint_writer *w, const char *name, const void *data, size_t bytes, sj_error *err);
sj_status sj_checkpoint_commit(sj_checkpoint_writer *w, sj_error *err);  // frees w, also on failure
void sj_checkpoint_abandon(sj_checkpoint_writer *w);                     // NULL is allowed

// ---- reading. sj_checkpoint_open reads the whole file and checks magic, version, length, hash and table; a file that fails is never touched.
typedef struct sj_checkpoint sj_checkpoint;

sj_status sj_checkpoint_open(const char *path, sj_checkpoint **out, sj_error *err);
void sj_checkpoint_close(sj_checkpoint *c);  // NULL is allowed
const char *sj_checkpoint_path(const sj_checkpoint *c);
int64_t sj_checkpoint_count(const sj_checkpoint *c);
const char *sj_checkpoint_name(const sj_checkpoint *c, int64_t section);  // in the order of writing; NULL behind the last
int64_t sj_checkpoint_size(const sj_checkpoint *c, const char *name);     // bytes; -1 where there is no such section
// The section's bytes, which must be as many as asked for. A missing section and another size are errors that name it and both sizes.
sj_status sj_checkpoint_get(const sj_checkpoint *c, const char *name, void *data, size_t bytes, sj_error *err);
// The section in place, aligned to 8 bytes, for as long as c is open; NULL where there is no such section.
const void *sj_checkpoint_data(const sj_checkpoint *c, const char *name);

#endif
