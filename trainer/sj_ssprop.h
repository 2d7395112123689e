// SPDX-License-Identifier: Apache-2.0
// ssProp (arXiv 2408.12561): the backward pass of a convolution keeps the k = max(int(keep * Cout), 1) output channels of largest mean |dy[:,c]|. dW and db of the others are
// exactly 0, dX comes from the kept ones; nothing is rescaled.
//
// Schedulers: the fraction that is kept, by epoch (n = epoch, N = epochs of the run) or by iteration (n = iteration mod period, N = period, anew with each period):
//   constant     keep
//   linear       1 - (1 - keep) t                     t = n / (N - 1), so the first is 1 (dense) and the last is keep; N = 1: keep
//   cosine       keep + (1 - keep) (1 + cos(pi t)) / 2
//   bar          keep while 2 n < N, then second_keep
//   interleaved  1 where n is even, keep where it is odd: dense first. By iteration it alternates iterations and has no period
#ifndef SJ_SSPROP_H
#define SJ_SSPROP_H

#include <stdbool.h>
#include <stdint.h>

typedef enum sj_ssprop_schedule { SJ_SSPROP_CONSTANT, SJ_SSPROP_LINEAR, SJ_SSPROP_COSINE, SJ_SSPROP_BAR, SJ_SSPROP_INTERLEAVED } sj_ssprop_schedule;

typedef struct sj_ssprop {
    bool on;
    double keep;         // (0, 1]
    sj_ssprop_schedule schedule;
    bool by_iteration;   // else by epoch
    int64_t period;      // iterations, from 2 up: linear, cosine and bar by iteration; else 0
    double second_keep;  // bar; else 0
    bool random;         // the control: as many channels, drawn blindly
    bool mask;           // dropped channels are zeroed and multiplied; else the kept ones alone are multiplied (gather)
    bool linear;         // also on linear layers
} sj_ssprop;

// The fraction kept now; epoch and iteration of the whole run, from 0. 1 means dense: nothing is selected. 1 where ssProp is off.
double sj_ssprop_keep(const sj_ssprop *ssprop, int64_t epoch, int64_t epochs, int64_t iteration);

// Channels kept of `channels`.
int64_t sj_ssprop_count(double keep, int64_t channels);

// kept[c] = 1 for the `count` largest scores, ties to the lower index; 0 elsewhere.
void sj_ssprop_select(int64_t channels, const double *scores, int64_t count, uint8_t *kept);
// kept[c] = 1 for `count` channels, each set of them as likely as any other; depends on (seed, stream) alone.
void sj_ssprop_select_random(int64_t channels, int64_t count, uint64_t seed, uint64_t stream, uint8_t *kept);

#endif
