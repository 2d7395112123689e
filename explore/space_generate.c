// SPDX-License-Identifier: Apache-2.0
// Values of an axis by rule: range, powers_of_two, linear, logarithmic.
#include "space_internal.h"

#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define LARGEST 1e150  // so that no difference or ratio of two is infinite

// A group of the file that gives values, and what was read of it so far.
typedef struct rule {
    sj_config *c;
    const char *path;  // "axes.[0].range"
    bool failed, whole;  // whole: every number so far was an integer
} rule;

static double read_number(rule *r, const char *key) {
    char path[SJ_SPACE_PATH_MAX];
    sj_space_path(path, "%s.%s", r->path, key);
    const bool integer = sj_config_scalar_at(r->c, path) == SJ_CONFIG_INT;
    const double value = integer ? (double)sj_config_int(r->c, path, SJ_REQUIRED, 0, -SJ_EXACT_INTEGER_MAX, SJ_EXACT_INTEGER_MAX)
                                 : sj_config_float(r->c, path, SJ_REQUIRED, 0.0, -LARGEST, LARGEST);
    r->whole = r->whole && integer;
    r->failed = r->failed || sj_config_failed(r->c, path);
    return value;
}

static int64_t read_integer(rule *r, const char *key, int64_t min, int64_t max) {
    char path[SJ_SPACE_PATH_MAX];
    sj_space_path(path, "%s.%s", r->path, key);
    const int64_t value = sj_config_int(r->c, path, SJ_REQUIRED, 0, min, max);
    r->failed = r->failed || sj_config_failed(r->c, path);
    return value;
}

// To fifteen digits of a number as large as `scale`: 0.1 + 2 * 0.1 is 0.3 then, -0.3 + 3 * 0.1 is 0, and the last bits of a mathematical library do not matter.
static double rounded(double value, double scale) {
    char text[512];
    const int decimals = scale > 0.0 ? 14 - (int)floor(log10(scale)) : 0;
    if (decimals < 0) {
        snprintf(text, sizeof text, "%.15g", value);
    } else {
        snprintf(text, sizeof text, "%.*f", decimals, value);
    }
    return strtod(text, NULL);
}

static bool range_of_integers(rule *r, sj_axis *a, int64_t from, int64_t step, int64_t count) {
    bool kept = sj_axis_reserve(r->c, a, count);
    for (int i = 0; i < count && kept; i++) {
        kept = sj_axis_put_int(r->c, a, i, 0, from + i * step);
    }
    return kept;
}

static bool read_range(rule *r, sj_axis *a) {
    const double from = read_number(r, "from"), to = read_number(r, "to"), step = read_number(r, "step");
    if (r->failed) {
        return false;
    }
    if (step == 0.0 || (to - from) / step < 0.0) {
        sj_config_error(r->c, SJ_CFG_RANGE, r->path, "\"%s\" has steps of %.15g from %.15g, which never come to %.15g", r->path, step, from, to);
        return false;
    }
    const double steps = (to - from) / step;
    const bool meets = fabs(steps - round(steps)) <= 1e-6;  // 0.1 to 0.9 by 0.1 is eight steps, whatever binary makes of them
    const double count = (meets ? round(steps) : floor(steps)) + 1.0;
    if (count > SJ_AXIS_VALUES_MAX) {
        sj_config_error(r->c, SJ_CFG_RANGE, r->path, "\"%s\" gives %.15g values; at most %d are allowed", r->path, count, SJ_AXIS_VALUES_MAX);
        return false;
    }
    if (r->whole) {
        return range_of_integers(r, a, (int64_t)from, (int64_t)step, ((int64_t)to - (int64_t)from) / (int64_t)step + 1);
    }
    bool kept = sj_axis_reserve(r->c, a, (int64_t)count);
    for (int i = 0; i < a->value_count && kept; i++) {
        const bool last = i == a->value_count - 1 && i > 0;
        kept = sj_axis_put_float(r->c, a, i, 0, last && meets ? to : i == 0 ? from : rounded(from + i * step, fmax(fabs(from), fabs(to))));
    }
    return kept;
}

static void check_power(rule *r, const char *key, int64_t value) {
    if (!r->failed && (value & (value - 1)) != 0) {
        char path[SJ_SPACE_PATH_MAX];
        sj_space_path(path, "%s.%s", r->path, key);
        sj_config_error(r->c, SJ_CFG_RANGE, path, "\"%s\" is %lld; it must be a power of two", path, (long long)value);
    }
}

static bool read_powers(rule *r, sj_axis *a) {
    const int64_t from = read_integer(r, "from", 1, SJ_EXACT_INTEGER_MAX), to = read_integer(r, "to", 1, SJ_EXACT_INTEGER_MAX);
    check_power(r, "from", from);
    check_power(r, "to", to);
    if (r->failed || (from & (from - 1)) != 0 || (to & (to - 1)) != 0) {
        return false;
    }
    if (from > to) {
        sj_config_error(r->c, SJ_CFG_RANGE, r->path, "\"%s\" goes from %lld to %lld; from may not be larger than to", r->path, (long long)from, (long long)to);
        return false;
    }
    int count = 1;
    for (int64_t power = from; power < to; power *= 2) {
        count++;
    }
    bool kept = sj_axis_reserve(r->c, a, count);
    for (int i = 0; i < count && kept; i++) {
        kept = sj_axis_put_int(r->c, a, i, 0, from << i);
    }
    return kept;
}

static bool read_points(rule *r, sj_axis *a, bool logarithmic) {
    const double from = read_number(r, "from"), to = read_number(r, "to");
    const int64_t points = read_integer(r, "points", 2, SJ_AXIS_VALUES_MAX);
    if (r->failed) {
        return false;
    }
    if (logarithmic && (from < 1.0 / LARGEST || to < 1.0 / LARGEST)) {
        sj_config_error(r->c, SJ_CFG_RANGE, r->path, "\"%s\" goes from %.15g to %.15g; both must be greater than 0 (at least %g)", r->path, from, to, 1.0 / LARGEST);
        return false;
    }
    bool kept = sj_axis_reserve(r->c, a, points);
    for (int i = 0; i < points && kept; i++) {
        const double part = (double)i / (double)(points - 1);
        const double value = logarithmic ? from * pow(to / from, part) : from + (to - from) * part;
        const double scale = logarithmic ? value : fmax(fabs(from), fabs(to));
        kept = sj_axis_put_float(r->c, a, i, 0, i == 0 ? from : i == points - 1 ? to : rounded(value, scale));
    }
    return kept;
}

bool sj_axis_generate(sj_config *c, const char *base, const char *key, sj_axis *a) {
    char path[SJ_SPACE_PATH_MAX];
    sj_space_path(path, "%s.%s", base, key);
    if (!sj_config_group(c, path)) {
        return false;
    }
    rule r = {c, path, false, true};
    a->numeric = true;
    if (strcmp(key, "range") == 0) {
        return read_range(&r, a);
    }
    return strcmp(key, "powers_of_two") == 0 ? read_powers(&r, a) : read_points(&r, a, strcmp(key, "logarithmic") == 0);
}
