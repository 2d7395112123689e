// SPDX-License-Identifier: Apache-2.0
// From a point of a space to a machine that can be simulated: the base accelerator, the sweep's fixed settings, the point's own, in this order, exactly as `sim --accel A --set ...` has them; its technology; its
// constraints.
#ifndef SJ_BUILDER_H
#define SJ_BUILDER_H

#include "sj_evaluate.h"
#include "sj_sweep_config.h"

// A shipped name or a path to a path; kind "accel" or "tech". Caller frees.
typedef sj_status (*sj_find_config)(const char *kind, const char *name, char **path, sj_error *err);

typedef struct sj_builder sj_builder;

// Reads the base files and tries every value of every axis on them, each by itself: SJ_ERR_CONFIG for a path that the files do not know, with the nearest one, for an axis of which no value is
// allowed, and for a constraint with an unknown name or a value of a wrong type.
// `config` must outlive the builder.
sj_status sj_builder_open(const sj_sweep_config *config, sj_find_config find, sj_builder **out, sj_error *err);
void sj_builder_close(sj_builder *b);

// Everything but traces and their weights that a result depends on: base files, fixed settings, axes, constraints, selection. For sj_sweep_about.identity.
sj_status sj_builder_identity(sj_builder *b, uint64_t *identity, sj_error *err);

// A machine and its prices, which belong to the caller.
typedef struct sj_built {
    sj_eval_point point;   // prices: those below
    sj_prices prices;
} sj_built;
// *valid false: reason says which value is not allowed, or which constraint does not hold; out->point.area_mm2 is set where the machine could be read, else 0.
sj_status sj_builder_make(sj_builder *b, uint64_t id, sj_built *out, bool *valid, char reason[512], sj_error *err);

// "--accel edge16 --variants skip --codecs bitmask --set array.rows=8 ... --batch 16 --step last-train": what `skipjoule sim TRACE` is given for the same result. Words are quoted for a shell. SJ_ERR_RANGE where size is too little.
sj_status sj_builder_command(sj_builder *b, uint64_t id, char *text, size_t size, sj_error *err);

#endif
