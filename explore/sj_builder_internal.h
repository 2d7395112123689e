// SPDX-License-Identifier: Apache-2.0
// Inside of the builder only.
#ifndef SJ_BUILDER_INTERNAL_H
#define SJ_BUILDER_INTERNAL_H

#include "sj_builder.h"

enum { BASES_MAX = 64, TECHS_MAX = 64, WORD_MAX = 4096, SETTINGS_MAX = SJ_SWEEP_SETS_MAX + SJ_AXES_MAX * SJ_AXIS_PATHS_MAX };

// A base accelerator, read once.
typedef struct sj_builder_base {
    char *name, *path, *text;
} sj_builder_base;

// A technology as some point wants it.
typedef struct sj_builder_tech {
    char *key;  // its name and the overrides
    sj_tech *tech;
} sj_builder_tech;

struct sj_builder {
    const sj_sweep_config *config;
    sj_find_config find;
    int base_count, tech_count;
    sj_builder_base bases[BASES_MAX];
    sj_builder_tech techs[TECHS_MAX];
    int32_t allowed[SJ_AXES_MAX];  // of each axis the first value that is allowed by itself
};

// What the sweep and a point set, sorted by who takes it.
typedef struct sj_builder_settings {
    const char *accel, *machine;          // of the sweep, or of words
    char words[2][WORD_MAX];
    int64_t batch;
    int accel_count, tech_count;
    char *accel_sets[SETTINGS_MAX];       // PATH=VALUE
    char *tech_sets[SETTINGS_MAX];        // without "tech."
} sj_builder_settings;

// The settings of a point; only_axis: of one axis alone, -1 for all of them, SJ_AXES_MAX for none. Free *s also on failure.
sj_status sj_builder_gather(const sj_builder *b, const int32_t *index, int only_axis, sj_builder_settings *s, sj_error *err);
// A bare word as it is, libconfig's "text" without its quotes and escapes.
sj_status sj_builder_plain_word(const char *value, char out[WORD_MAX], sj_error *err);
void sj_builder_settings_free(sj_builder_settings *s);
sj_status sj_builder_open_base(sj_builder *b, const char *name, const sj_builder_base **out, sj_error *err);
// The accelerator with its settings; *c stays open for what asks for its keys, and must be closed also on failure.
sj_status sj_builder_read_accel(sj_builder *b, const sj_builder_settings *s, sj_config **c, sj_accel *accel, sj_error *err);

#endif
