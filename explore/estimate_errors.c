// SPDX-License-Identifier: Apache-2.0
#include "sj_estimate_errors.h"

#include <math.h>

sj_errors sj_errors_of(const double *predicted, const double *truth, int count) {
    const double none = (double)NAN;
    sj_errors e = {.count = count, .rmse = none, .mape = none, .worst = none, .bias = none, .r2 = none};
    double mean = 0.0, squares = 0.0, spread = 0.0, shares = 0.0, signed_shares = 0.0, worst = 0.0;
    for (int i = 0; i < count; i++) {
        mean += truth[i] / (double)count;
    }
    for (int i = 0; i < count; i++) {
        const double off = predicted[i] - truth[i], share = off / truth[i];
        squares += off * off;
        spread += (truth[i] - mean) * (truth[i] - mean);
        shares += fabs(share);
        signed_shares += share;
        worst = fabs(share) > fabs(worst) ? share : worst;
    }
    if (count > 0) {
        e.rmse = sqrt(squares / (double)count);
        e.mape = shares / (double)count;
        e.bias = signed_shares / (double)count;
        e.worst = worst;
        e.r2 = spread > 0.0 ? 1.0 - squares / spread : none;
    }
    return e;
}
