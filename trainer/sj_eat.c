// SPDX-License-Identifier: Apache-2.0
#include "sj_eat.h"

int sj_eat_modules(const sj_eat *eat, const sj_network *net) {
    int count = eat->input ? 1 : 0;
    for (int i = 0; i < net->layer_count; i++) {
        count += eat->kinds[net->layers[i].kind] ? 1 : 0;
    }
    return count;
}

double sj_eat_lambda(const sj_eat *eat, double epochs_done) {
    return eat->warmup_epochs > 0.0 && epochs_done < eat->warmup_epochs ? eat->lambda * epochs_done / eat->warmup_epochs : eat->lambda;
}

double sj_eat_penalty(int64_t count, double sigma, const float *x) {
    enum { LANES = 8 };  // independent sums, so that the additions overlap; their number is part of the result's bits
    const float s = (float)sigma;
    double sums[LANES] = {0};
    const int64_t whole = count - count % LANES;
    for (int64_t i = 0; i < whole; i += LANES) {
        for (int64_t j = 0; j < LANES; j++) {
            const float square = x[i + j] * x[i + j];
            sums[j] += (double)(square / (square + s));
        }
    }
    for (int64_t i = whole; i < count; i++) {
        const float square = x[i] * x[i];
        sums[0] += (double)(square / (square + s));
    }
    double total = 0.0;
    for (int j = 0; j < LANES; j++) {
        total += sums[j];
    }
    return total;
}

void sj_eat_gradient(int64_t count, double sigma, double scale, const float *x, float *dx) {
    const float s = (float)sigma, factor = (float)(2.0 * sigma * scale);
    for (int64_t i = 0; i < count; i++) {
        const float root = x[i] * x[i] + s;
        dx[i] += factor * (x[i] / (root * root));
    }
}
