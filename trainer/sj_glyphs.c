// SPDX-License-Identifier: Apache-2.0
// The embedded data set: ten figures drawn with a pen of varied width, place, size, slant, colour and shade over a shaded ground with clutter and noise.
// Only + - * / sqrt of IEEE doubles (no fused operations) and integers: the same bytes on every machine.
#include <math.h>
#include <string.h>

#include "sj_dataset.h"
#include "sj_file.h"
#include "sj_random.h"

enum { SIDE = 32, CHANNELS = 3, POINTS_MAX = 16, CLASSES = 10, CLUTTER_MAX = 3 };

typedef struct point {
    double x, y;
} point;

// Polylines in [-1, 1]^2, y downwards; a NAN lifts the pen.
typedef struct figure {
    int count;
    point points[POINTS_MAX];
} figure;

#define LIFT {(double)NAN, 0.0}
static const figure figures[CLASSES] = {
    {13, {{1, 0}, {.866, .5}, {.5, .866}, {0, 1}, {-.5, .866}, {-.866, .5}, {-1, 0}, {-.866, -.5}, {-.5, -.866}, {0, -1}, {.5, -.866}, {.866, -.5}, {1, 0}}},  // ring
    {5, {{-.85, -.85}, {.85, -.85}, {.85, .85}, {-.85, .85}, {-.85, -.85}}},                    // square
    {4, {{0, -1}, {.95, .8}, {-.95, .8}, {0, -1}}},                                             // triangle, point up
    {4, {{0, 1}, {.95, -.8}, {-.95, -.8}, {0, 1}}},                                             // triangle, point down
    {5, {{0, -1}, {0, 1}, LIFT, {-1, 0}, {1, 0}}},                                              // plus
    {5, {{-.8, -.8}, {.8, .8}, LIFT, {.8, -.8}, {-.8, .8}}},                                    // cross
    {5, {{-.9, -.9}, {.9, -.9}, LIFT, {0, -.9}, {0, 1}}},                                       // T
    {3, {{-.6, -1}, {-.6, .9}, {.8, .9}}},                                                      // L
    {4, {{-.8, -.9}, {.8, -.9}, {-.8, .9}, {.8, .9}}},                                          // Z
    {11, {{.866, -.5}, {.5, -.866}, {0, -1}, {-.5, -.866}, {-.866, -.5}, {-1, 0}, {-.866, .5}, {-.5, .866}, {0, 1}, {.5, .866}, {.866, .5}}},  // C
};

static double between(sj_random *r, double low, double high) { return low + (high - low) * sj_random_unit(r); }

// Rotation by an angle with tan(angle / 2) = t, without trigonometric functions.
static figure place_figure(const figure *f, sj_random *r) {
    const double t = between(r, -0.16, 0.16), norm = 1.0 + t * t, co = (1.0 - t * t) / norm, si = 2.0 * t / norm;
    const double size = between(r, 6.0, 11.0), aspect = between(r, 0.75, 1.3), shear = between(r, -0.2, 0.2);
    const double margin = 15.5 - size * 0.9, cx = 15.5 + between(r, -margin, margin), cy = 15.5 + between(r, -margin, margin);
    figure out = *f;
    for (int i = 0; i < f->count; i++) {
        if (isnan(f->points[i].x)) {
            continue;
        }
        const double wobble = 0.09, px = f->points[i].x + between(r, -wobble, wobble), py = f->points[i].y + between(r, -wobble, wobble);
        const double x = (px + shear * py) * aspect, y = py;
        out.points[i] = (point){cx + size * (co * x - si * y), cy + size * (si * x + co * y)};
    }
    return out;
}

static double square(double v) { return v * v; }

static double segment_distance2(point a, point b, double x, double y) {
    const double dx = b.x - a.x, dy = b.y - a.y, length2 = dx * dx + dy * dy;
    double t = length2 > 0.0 ? ((x - a.x) * dx + (y - a.y) * dy) / length2 : 0.0;
    t = t < 0.0 ? 0.0 : t > 1.0 ? 1.0 : t;
    return square(x - a.x - t * dx) + square(y - a.y - t * dy);
}

// 1 within the pen, 0 outside, one pixel of slope between.
static double coverage(const figure *f, double radius, double x, double y) {
    double nearest = 1e9;
    for (int i = 0; i + 1 < f->count; i++) {
        if (!isnan(f->points[i].x) && !isnan(f->points[i + 1].x)) {
            const double d = segment_distance2(f->points[i], f->points[i + 1], x, y);
            nearest = d < nearest ? d : nearest;
        }
    }
    const double edge = radius + 0.5 - sqrt(nearest);
    return edge < 0.0 ? 0.0 : edge > 1.0 ? 1.0 : edge;
}

typedef struct colour {
    double v[CHANNELS];
} colour;

// Draws stand in statements of their own: C leaves the order inside an expression open.
static colour draw_colour(sj_random *r, double low, double high) {
    colour out;
    for (int c = 0; c < CHANNELS; c++) {
        out.v[c] = between(r, low, high);
    }
    return out;
}

static point draw_point(sj_random *r, double low, double high) {
    point out;
    out.x = between(r, low, high);
    out.y = between(r, low, high);
    return out;
}

// A light pen that stands out from the ground by at least `contrast` in the sum of channel differences.
static colour draw_pen(sj_random *r, const colour *ground, double contrast) {
    for (;;) {
        const colour pen = draw_colour(r, 0.35, 1.0);
        double difference = 0.0;
        for (int c = 0; c < CHANNELS; c++) {
            difference += fabs(pen.v[c] - ground->v[c]);
        }
        if (difference >= contrast) {
            return pen;
        }
    }
}

typedef struct canvas {
    double v[SIDE * SIDE * CHANNELS];
} canvas;

static void paint_ground(canvas *out, const colour *ground, sj_random *r) {
    const double slope_x = between(r, -0.25, 0.25), slope_y = between(r, -0.25, 0.25);
    for (int i = 0; i < SIDE * SIDE; i++) {
        const double shade = slope_x * ((double)(i % SIDE) / 31.0 - 0.5) + slope_y * ((double)(i / SIDE) / 31.0 - 0.5);
        for (int c = 0; c < CHANNELS; c++) {
            out->v[i * CHANNELS + c] = ground->v[c] + shade;
        }
    }
}

static void paint(canvas *out, const figure *f, double radius, const colour *pen, double opacity) {
    for (int i = 0; i < SIDE * SIDE; i++) {
        const double a = opacity * coverage(f, radius, (double)(i % SIDE), (double)(i / SIDE));
        for (int c = 0; c < CHANNELS; c++) {
            out->v[i * CHANNELS + c] += a * (pen->v[c] - out->v[i * CHANNELS + c]);
        }
    }
}

// Short strokes of other colours: nothing that a figure could be told from.
static void paint_clutter(canvas *out, sj_random *r) {
    const int strokes = (int)sj_random_below(r, CLUTTER_MAX + 1);
    for (int i = 0; i < strokes; i++) {
        const point a = draw_point(r, 0.0, 31.0), offset = draw_point(r, -5.0, 5.0);
        const figure stroke = {2, {a, {a.x + offset.x, a.y + offset.y}}};
        const colour pen = draw_colour(r, 0.0, 1.0);
        paint(out, &stroke, between(r, 0.2, 0.9), &pen, 0.8);
    }
}

void sj_glyphs_draw(uint64_t seed, int64_t index, uint8_t pixels[32 * 32 * 3]) {
    sj_random r = sj_random_stream(seed, (uint64_t)index);
    canvas image;
    const colour ground = draw_colour(&r, 0.0, 0.5), pen = draw_pen(&r, &ground, 0.9);
    paint_ground(&image, &ground, &r);
    paint_clutter(&image, &r);
    const figure f = place_figure(&figures[index % CLASSES], &r);
    const double radius = between(&r, 0.6, 1.6), opacity = between(&r, 0.8, 1.0);
    paint(&image, &f, radius, &pen, opacity);
    const double noise = between(&r, 0.0, 0.10);
    for (int i = 0; i < SIDE * SIDE * CHANNELS; i++) {
        double bell = -1.5;  // the sum of three uniform draws: variance 1/4
        for (int j = 0; j < 3; j++) {
            bell += sj_random_unit(&r);
        }
        const double v = 255.0 * (image.v[i] + 2.0 * noise * bell) + 0.5;
        pixels[i] = (uint8_t)(v < 0.0 ? 0.0 : v > 255.0 ? 255.0 : v);
    }
}

sj_status sj_glyphs_make(uint64_t seed, int64_t count, sj_images *out, sj_error *err) {
    memset(out, 0, sizeof *out);
    out->count = count;
    sj_status status = sj_alloc((void **)&out->pixels, (uint64_t)count, SIDE * SIDE * CHANNELS, "glyphs", err);
    if (status == SJ_OK) {
        status = sj_alloc((void **)&out->labels, (uint64_t)count, sizeof *out->labels, "glyphs' labels", err);
    }
    if (status != SJ_OK) {
        sj_images_free(out);
        return status;
    }
#pragma omp parallel for schedule(dynamic, 16)
    for (int64_t i = 0; i < count; i++) {
        out->labels[i] = (uint16_t)(i % CLASSES);
        sj_glyphs_draw(seed, i, out->pixels + i * SIDE * SIDE * CHANNELS);
    }
    return SJ_OK;
}
