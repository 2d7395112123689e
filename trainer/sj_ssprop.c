// SPDX-License-Identifier: Apache-2.0
#include "sj_ssprop.h"

#include <string.h>

double sj_ssprop_keep(const sj_ssprop *ssprop, int64_t epoch) {
    return ssprop->schedule == SJ_SSPROP_INTERLEAVED && epoch % 2 == 0 ? 1.0 : ssprop->keep;
}

int64_t sj_ssprop_count(double keep, int64_t channels) {
    const int64_t count = (int64_t)(keep * (double)channels);
    return count < 1 ? 1 : count;
}

void sj_ssprop_select(int64_t channels, const double *scores, int64_t count, uint8_t *kept) {
    memset(kept, 0, (size_t)channels);
    for (int64_t n = 0; n < count; n++) {
        int64_t best = -1;
        for (int64_t c = 0; c < channels; c++) {
            if (kept[c] == 0 && (best < 0 || scores[c] > scores[best])) {
                best = c;
            }
        }
        kept[best] = 1;
    }
}

void sj_ssprop_mask(int64_t rows, int64_t channels, const uint8_t *kept, const float *dy, float *out) {
    for (int64_t i = 0; i < rows; i++) {
        for (int64_t c = 0; c < channels; c++) {
            out[i * channels + c] = kept[c] != 0 ? dy[i * channels + c] : 0.0F;
        }
    }
}
