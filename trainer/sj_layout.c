// SPDX-License-Identifier: Apache-2.0
#include "sj_layout.h"

#include <string.h>

#include "sj_bf16.h"

// Where channel c of pixel 0 of an image lies.
static int64_t channel_at(const sj_layout *l, int64_t c) { return c / l->block * sj_layout_pixels(l) * l->block + c % l->block; }

void sj_layout_to_nhwc(const sj_layout *l, int64_t images, const void *data, float *nhwc) {
    const int64_t channels = l->dims.c, pixels = sj_layout_pixels(l);
    for (int64_t n = 0; n < images; n++, nhwc += pixels * channels) {
        const void *image = sj_layout_at(l, data, n);
        for (int64_t first = 0; first < channels; first += l->block) {
            const int64_t width = channels - first < l->block ? channels - first : l->block, at = channel_at(l, first);
            for (int64_t p = 0; p < pixels; p++) {
                float *to = nhwc + p * channels + first;
                if (l->bf16) {
                    const sj_bf16 *from = (const sj_bf16 *)image + at + p * l->block;
                    for (int64_t c = 0; c < width; c++) {
                        to[c] = sj_bf16_to_f32(from[c]);
                    }
                } else {
                    memcpy(to, (const float *)image + at + p * l->block, (size_t)width * sizeof *to);
                }
            }
        }
    }
}

void sj_layout_from_nhwc(const sj_layout *l, int64_t images, const float *nhwc, void *data) {
    const int64_t channels = l->dims.c, pixels = sj_layout_pixels(l);
    const size_t bytes = l->bf16 ? sizeof(sj_bf16) : sizeof(float);
    for (int64_t n = 0; n < images; n++, nhwc += pixels * channels) {
        char *image = sj_layout_at(l, data, n);
        for (int64_t first = 0; first < channels; first += l->block) {
            const int64_t width = channels - first < l->block ? channels - first : l->block, at = channel_at(l, first);
            for (int64_t p = 0; p < pixels; p++) {
                const float *from = nhwc + p * channels + first;
                char *to = image + (size_t)(at + p * l->block) * bytes;
                if (l->bf16) {
                    for (int64_t c = 0; c < width; c++) {
                        ((sj_bf16 *)(void *)to)[c] = sj_bf16_from_f32(from[c]);
                    }
                } else {
                    memcpy(to, from, (size_t)width * bytes);
                }
                memset(to + (size_t)width * bytes, 0, (size_t)(l->block - width) * bytes);
            }
        }
    }
}
