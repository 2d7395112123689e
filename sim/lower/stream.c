// SPDX-License-Identifier: Apache-2.0
#include "sj_job.h"

static int64_t min64(int64_t a, int64_t b) { return a < b ? a : b; }

static int64_t activation_offset(const sj_stream *s, int64_t v) {
    const int64_t pixels = s->images * s->y_count * s->x_count;
    const int64_t chunk = v / (pixels * s->k_tile);  // all chunks but the last are k_tile wide
    const int64_t width = min64(s->k_tile, s->channel_count - chunk * s->k_tile);
    const int64_t rest = v - chunk * pixels * s->k_tile;
    const int64_t pixel = rest / width;
    const int64_t channel = chunk * s->k_tile + rest % width;
    const int64_t x = s->x0 + pixel % s->x_count * s->x_step;
    const int64_t y = s->y0 + pixel / s->x_count % s->y_count * s->y_step;
    const int64_t image = pixel / s->x_count / s->y_count % s->stored_images;
    return ((image * s->source_h + y) * s->source_w + x) * s->source_c + (s->channels != NULL ? s->channels[channel] : channel);
}

static int64_t weight_offset(const sj_stream *s, int64_t v) {
    const sj_operand *o = s->operand;
    const int64_t u_count = sj_operand_u_count(o);
    const int64_t step = v / (u_count * s->k_tile);
    const int64_t width = min64(s->k_tile, sj_operand_k_count(o) - step * s->k_tile);
    const int64_t rest = v - step * u_count * s->k_tile;
    return sj_operand_offset(o, rest / width, step * s->k_tile + rest % width);
}

int64_t sj_stream_offset(const sj_stream *s, int64_t v) {
    const int64_t one = s->instance_length > 0 ? s->instance_length : s->length;
    const int64_t instance = v / one;
    const int64_t shift = (s->instance_period > 0 ? instance % s->instance_period : instance) * s->instance_shift;
    return shift + (s->kind == SJ_STREAM_WEIGHT ? weight_offset(s, v - instance * one) : activation_offset(s, v - instance * one));
}

const sj_values *sj_stream_values(const sj_stream *s) { return s->kind == SJ_STREAM_WEIGHT ? &s->operand->values : &s->values; }

const char *sj_phase_name(sj_phase phase) {
    static const char *const names[] = {"forward", "grad_input", "grad_weight", "elementwise", "update"};
    return names[phase];
}
