// SPDX-License-Identifier: Apache-2.0
// ssProp (arXiv 2408.12561): the backward pass of a convolution keeps the k = max(int(keep * Cout), 1) output channels of largest mean |dy[:,c]|. dW and db of the others are
// exactly 0, dX comes from the kept ones; nothing is rescaled.
#ifndef SJ_SSPROP_H
#define SJ_SSPROP_H

#include <stdint.h>

typedef enum sj_ssprop_schedule { SJ_SSPROP_CONSTANT, SJ_SSPROP_INTERLEAVED } sj_ssprop_schedule;

typedef struct sj_ssprop {
    double keep;  // (0, 1]
    sj_ssprop_schedule schedule;
} sj_ssprop;

// The fraction kept in an epoch (from 0). Interleaved: dense and sparse epochs in turn, dense first. 1 means dense: nothing is selected.
double sj_ssprop_keep(const sj_ssprop *ssprop, int64_t epoch);

// Channels kept of `channels`.
int64_t sj_ssprop_count(double keep, int64_t channels);

// kept[c] = 1 for the `count` largest scores, ties to the lower index; 0 elsewhere.
void sj_ssprop_select(int64_t channels, const double *scores, int64_t count, uint8_t *kept);

// out = dy with the dropped channels 0.
void sj_ssprop_mask(int64_t rows, int64_t channels, const uint8_t *kept, const float *dy, float *out);

#endif
