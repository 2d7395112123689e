// SPDX-License-Identifier: Apache-2.0
// GradSamp (arXiv 2406.07332): in a skipped epoch no data is processed. Every parameter moves by eps ~ N(mu, s^2), fitted to its last step between real epochs, w(t-1) - w(t-2).
// What the paper leaves open is chosen here and named in docs/training.md: the two values are those after the last two real epochs, also where several epochs are skipped in a row; a first
// skip comes after two real epochs; s is the population's deviation.
#ifndef SJ_GRADSAMP_H
#define SJ_GRADSAMP_H

#include <stdbool.h>
#include <stdint.h>

#include "sj_error.h"

typedef enum sj_gradsamp_schedule { SJ_GRADSAMP_PERIODIC, SJ_GRADSAMP_RANDOM } sj_gradsamp_schedule;
typedef enum sj_gradsamp_fit { SJ_GRADSAMP_TENSOR, SJ_GRADSAMP_LAYER, SJ_GRADSAMP_GLOBAL } sj_gradsamp_fit;
typedef enum sj_gradsamp_norm { SJ_GRADSAMP_NORM_KEEP, SJ_GRADSAMP_NORM_SAMPLE } sj_gradsamp_norm;          // gamma and beta of batch norm; running statistics always stay
typedef enum sj_gradsamp_momentum { SJ_GRADSAMP_MOMENTUM_KEEP, SJ_GRADSAMP_MOMENTUM_RESET } sj_gradsamp_momentum;  // the optimizer's state after a skip

typedef struct sj_gradsamp {
    bool on;
    sj_gradsamp_schedule schedule;
    int64_t period;        // periodic: epochs P - 1, 2 P - 1, ... (from 0) are skipped; from 2 up
    double probability;    // random: each epoch by itself, from the run's seed; [0, 1)
    sj_gradsamp_fit fit;
    sj_gradsamp_norm norm;
    sj_gradsamp_momentum momentum;
} sj_gradsamp;

// One parameter array. Arrays of one layer stand side by side in a list.
typedef struct sj_gradsamp_array {
    int layer;
    bool norm;             // gamma or beta
    int64_t count;
    float *value;
} sj_gradsamp_array;

typedef struct sj_gradsamp_state {
    int64_t count;         // of all arrays
    float *last, *before;  // all arrays, one behind another, after the last real epoch and the one before
} sj_gradsamp_state;

sj_status sj_gradsamp_create(const sj_gradsamp_array *arrays, int array_count, sj_gradsamp_state *out, sj_error *err);
void sj_gradsamp_free(sj_gradsamp_state *s);

// Is this epoch skipped? real_epochs: trained before it.
bool sj_gradsamp_skips(const sj_gradsamp *g, uint64_t seed, int64_t epoch, int64_t real_epochs);
// After a real epoch.
void sj_gradsamp_record(sj_gradsamp_state *s, const sj_gradsamp_array *arrays, int array_count);
// A skipped epoch: values += eps. Arrays that stay (norm) take no part in a layer's or the global fit. The same bits at any thread count; depends on (seed, epoch) and the state alone.
// Only behind two records.
void sj_gradsamp_sample(const sj_gradsamp *g, const sj_gradsamp_state *s, uint64_t seed, int64_t epoch, const sj_gradsamp_array *arrays, int array_count);

#endif
