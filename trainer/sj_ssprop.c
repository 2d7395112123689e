// SPDX-License-Identifier: Apache-2.0
#include "sj_ssprop.h"

#include <math.h>
#include <string.h>

#include "sj_random.h"

double sj_ssprop_keep(const sj_ssprop *s, int64_t epoch, int64_t epochs, int64_t iteration) {
    const double pi = 3.14159265358979323846;
    if (!s->on) {
        return 1.0;
    }
    if (s->schedule == SJ_SSPROP_CONSTANT) {
        return s->keep;
    }
    if (s->schedule == SJ_SSPROP_INTERLEAVED) {
        return (s->by_iteration ? iteration : epoch) % 2 == 0 ? 1.0 : s->keep;
    }
    const int64_t all = s->by_iteration ? s->period : epochs, now = s->by_iteration ? iteration % s->period : epoch;
    if (s->schedule == SJ_SSPROP_BAR) {
        return 2 * now < all ? s->keep : s->second_keep;
    }
    if (now >= all - 1) {
        return s->keep;  // not a rounding away from it
    }
    const double t = (double)now / (double)(all - 1);
    return s->schedule == SJ_SSPROP_LINEAR ? 1.0 - (1.0 - s->keep) * t : s->keep + (1.0 - s->keep) * (0.5 + 0.5 * cos(pi * t));
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

void sj_ssprop_select_random(int64_t channels, int64_t count, uint64_t seed, uint64_t stream, uint8_t *kept) {
    sj_random r = sj_random_stream(seed, stream);
    for (int64_t c = 0; c < channels; c++) {  // a channel is taken with probability (still wanted) / (still to come)
        kept[c] = sj_random_below(&r, (uint64_t)(channels - c)) < (uint64_t)count ? 1 : 0;
        count -= kept[c];
    }
}
