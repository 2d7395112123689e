// SPDX-License-Identifier: Apache-2.0
// What the synth_*.c files share.
#ifndef SJ_SYNTH_INTERNAL_H
#define SJ_SYNTH_INTERNAL_H

#include "sj_random.h"
#include "sj_synth.h"

#define SJ_SYNTH_MASKS_MAX 16  // ReLUs with nothing but adds and forks between them

typedef enum sj_synth_sign {
    SJ_SYNTH_RANDOM,    // either sign
    SJ_SYNTH_POSITIVE,  // nonzeros are positive: a ReLU's output
    SJ_SYNTH_BEFORE     // a ReLU's input: no zeros; what SJ_SYNTH_POSITIVE with the same stream has as 0 is negative here, the rest is the same
} sj_synth_sign;

// Everything that fixes the bits of a tensor. Two draws a value, used or not: a smaller density leaves a part of the same values.
typedef struct sj_synth_recipe {
    uint64_t stream;
    double density;
    sj_synth_sign sign;
    int mask_count;  // zero also where one of these POSITIVE recipes of density mask_density is: gradients pass a ReLU where its output is not 0
    uint64_t masks[SJ_SYNTH_MASKS_MAX];
    double mask_density;
} sj_synth_recipe;

// Of the input number `input` of a layer.
sj_synth_recipe sj_synth_value(const sj_network *net, const sj_synth_options *o, int layer, int input);
// Of a layer's dy. mask_count may pass SJ_SYNTH_MASKS_MAX: such a recipe cannot be filled.
sj_synth_recipe sj_synth_gradient(const sj_network *net, const sj_synth_options *o, int layer);
sj_synth_recipe sj_synth_weights(const sj_synth_options *o, int layer);
// The layer (or -1) whose stored output an input is: a fork passes its input on.
int sj_synth_source(const sj_network *net, int from);
// The layer whose dy is the same dataset: behind it stands an add or a fork, which hands its gradient on; itself where none does.
int sj_synth_gradient_source(const sj_network *net, const sj_synth_options *o, int layer);

typedef enum sj_synth_purpose { SJ_SYNTH_VALUE, SJ_SYNTH_GRADIENT, SJ_SYNTH_WEIGHT, SJ_SYNTH_KEEP, SJ_SYNTH_LABEL, SJ_SYNTH_OWN_INPUT, SJ_SYNTH_BITS, SJ_SYNTH_PARAMETER } sj_synth_purpose;
// Of layer -1 (the network's input) and up; parameters: number counts them.
uint64_t sj_synth_stream(int layer, sj_synth_purpose purpose, int number);

// `count` values of o->type into `out` (room for them); the number of nonzeros of each `each` values (an image) into nonzero[count / each].
void sj_synth_fill(const sj_synth_recipe *r, const sj_synth_options *o, int64_t count, int64_t each, void *out, int64_t *nonzero);

#endif
