// SPDX-License-Identifier: Apache-2.0
#include "sj_sram.h"

#include <math.h>

// Between (x0, y0) and (x1, y1), or beyond them, along a power law. At x0 and x1 exactly their figures.
static double power_law(double x, double x0, double x1, double y0, double y1) {
    if (x == x0) {
        return y0;
    }
    if (x == x1) {
        return y1;
    }
    return y0 * pow(y1 / y0, log(x / x0) / log(x1 / x0));
}

static sj_sram_array between(double x, double x0, double x1, const sj_sram_array *a, const sj_sram_array *b) {
    return (sj_sram_array){.read_pj = power_law(x, x0, x1, a->read_pj, b->read_pj),
                           .write_pj = power_law(x, x0, x1, a->write_pj, b->write_pj),
                           .leakage_mw = power_law(x, x0, x1, a->leakage_mw, b->leakage_mw),
                           .area_mm2 = power_law(x, x0, x1, a->area_mm2, b->area_mm2),
                           .cycle_ns = power_law(x, x0, x1, a->cycle_ns, b->cycle_ns)};
}

static double width_of(const sj_sram *s, int w) { return s->rows[s->first_row[w]].width_bits; }

static sj_sram_array at_width(const sj_sram *s, int w, double capacity_bytes) {
    int low = s->first_row[w];
    while (low + 2 < s->first_row[w + 1] && s->rows[low + 1].capacity_bytes <= capacity_bytes) {
        low++;
    }
    const sj_sram_array *a = &s->rows[low], *b = a + 1;
    return between(capacity_bytes, a->capacity_bytes, b->capacity_bytes, a, b);
}

// How many arrays side by side make the width, and the width of each.
static double side_by_side(const sj_sram *s, double width_bits, double *each_bits) {
    const double narrowest = width_of(s, 0), widest = width_of(s, s->width_count - 1);
    const double arrays = ceil(width_bits / widest);
    *each_bits = fmax(width_bits / arrays, narrowest);
    return arrays;
}

sj_sram_array sj_sram_array_of(const sj_sram *s, double capacity_bytes, double width_bits) {
    double each_bits;
    const double arrays = side_by_side(s, width_bits, &each_bits), each_bytes = capacity_bytes / arrays;
    int w = 0;
    while (w + 1 < s->width_count && width_of(s, w + 1) <= each_bits) {
        w++;
    }
    sj_sram_array one = at_width(s, w, each_bytes);
    if (each_bits > width_of(s, w)) {
        const sj_sram_array wider = at_width(s, w + 1, each_bytes);
        one = between(each_bits, width_of(s, w), width_of(s, w + 1), &one, &wider);
    }
    return (sj_sram_array){width_bits, capacity_bytes, arrays * one.read_pj, arrays * one.write_pj, arrays * one.leakage_mw, arrays * one.area_mm2, one.cycle_ns};
}

double sj_sram_capacity_limit(const sj_sram *s, double width_bits) {
    double each_bits, limit = INFINITY;
    const double arrays = side_by_side(s, width_bits, &each_bits);
    for (int w = 0; w < s->width_count; w++) {
        const bool below = width_of(s, w) <= each_bits && (w + 1 == s->width_count || width_of(s, w + 1) > each_bits);
        const bool above = width_of(s, w) > each_bits && w > 0 && width_of(s, w - 1) < each_bits;
        if (below || above) {
            limit = fmin(limit, arrays * s->rows[s->first_row[w + 1] - 1].capacity_bytes);
        }
    }
    return limit;
}
