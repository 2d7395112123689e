// SPDX-License-Identifier: Apache-2.0
#include "sj_job.h"

static int64_t positions(const sj_operand *o) { return o->images * o->grid_h * o->grid_w; }

int64_t sj_operand_u_count(const sj_operand *o) {
    switch (o->kind) {
    case SJ_OPERAND_WINDOW:
        return positions(o);
    case SJ_OPERAND_WINDOW_T:
        return o->tap_count * o->channel_count;
    case SJ_OPERAND_WEIGHT:
        break;
    }
    return o->u_count;
}

int64_t sj_operand_k_count(const sj_operand *o) { return o->kind == SJ_OPERAND_WINDOW_T ? positions(o) : o->tap_count * o->channel_count; }

// Linear source pixel (batch image number) that tap t reads at position p, or SJ_PADDING.
static int64_t source_pixel(const sj_operand *o, int64_t p, int64_t t) {
    const int64_t x = p % o->grid_w;
    const int64_t y = p / o->grid_w % o->grid_h;
    const int64_t image = p / o->grid_w / o->grid_h;
    const int64_t sy = y * o->stride + o->taps[t].dy;
    const int64_t sx = x * o->stride + o->taps[t].dx;
    if (sy < 0 || sy >= o->source_h || sx < 0 || sx >= o->source_w) {
        return SJ_PADDING;
    }
    return (image * o->source_h + sy) * o->source_w + sx;
}

static int64_t pixel_offset(const sj_operand *o, int64_t pixel, int64_t channel) {
    const int64_t plane = o->source_h * o->source_w;
    const int64_t stored = pixel / plane % o->stored_images * plane + pixel % plane;
    return stored * o->source_c + (o->channels != NULL ? o->channels[channel] : channel);
}

static int64_t weight_offset(const sj_operand *o, int64_t u, int64_t k) {
    const int64_t t = k / o->channel_count;
    const int64_t c = k % o->channel_count;
    const int64_t source_u = o->u_list != NULL ? o->u_list[u] : u;
    const int64_t source_c = o->channels != NULL ? o->channels[c] : c;
    return o->taps[t].weight_offset + source_u * o->u_stride + source_c * o->channel_stride;
}

int64_t sj_operand_offset(const sj_operand *o, int64_t u, int64_t k) {
    if (o->kind == SJ_OPERAND_WEIGHT) {
        return weight_offset(o, u, k);
    }
    const int64_t position = o->kind == SJ_OPERAND_WINDOW ? u : k;
    const int64_t tap_channel = o->kind == SJ_OPERAND_WINDOW ? k : u;
    const int64_t pixel = source_pixel(o, position, tap_channel / o->channel_count);
    return pixel == SJ_PADDING ? SJ_PADDING : pixel_offset(o, pixel, tap_channel % o->channel_count);
}

sj_place sj_operand_place(const sj_operand *o, int64_t u, int64_t k, int64_t k_tile) {
    const bool transposed = o->kind == SJ_OPERAND_WINDOW_T;
    const int64_t position = transposed ? k : u;
    const int64_t tap_channel = transposed ? u : k;
    const int64_t channel = tap_channel % o->channel_count;
    const int64_t pixel = source_pixel(o, position, tap_channel / o->channel_count);
    if (pixel == SJ_PADDING) {
        return (sj_place){.offset = SJ_PADDING};
    }
    const int64_t offset = pixel_offset(o, pixel, channel);
    return transposed ? (sj_place){offset, channel, pixel / k_tile} : (sj_place){offset, pixel, channel / k_tile};
}

sj_operand sj_operand_instance(const sj_operand *o, int64_t instance) {
    sj_operand view = *o;
    const int64_t which = o->instance_period > 0 ? instance % o->instance_period : instance;
    const int64_t bytes = o->values.dtype == SJ_DTYPE_BF16 ? (int64_t)sizeof(sj_bf16) : 1;
    if (o->values.data != NULL) {
        view.values.data = (const char *)o->values.data + which * o->instance_shift * bytes;
    }
    return view;
}

int64_t sj_operand_group_count(const sj_operand *o, int64_t unit, int64_t chunk, int64_t k_tile) {
    const int64_t all = o->kind == SJ_OPERAND_WINDOW_T ? o->images * o->source_h * o->source_w : o->channel_count;
    const int64_t rest = all - chunk * k_tile;
    return rest < k_tile ? rest : k_tile;
}

int64_t sj_operand_group_offset(const sj_operand *o, int64_t unit, int64_t chunk, int64_t k_tile, int64_t j) {
    const int64_t index = chunk * k_tile + j;
    return o->kind == SJ_OPERAND_WINDOW_T ? pixel_offset(o, index, unit) : pixel_offset(o, unit, index);
}
