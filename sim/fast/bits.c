// SPDX-License-Identifier: Apache-2.0
// Packs presence bits of tensors once, so that everything else works on words.
#include <stdlib.h>
#include <string.h>

#include "sj_fast_internal.h"
#include "sj_file.h"

#define GROUP 64

static uint64_t pack_bf16(const sj_bf16 *v, int64_t n) {
    uint64_t word = 0;
    for (int64_t j = 0; j < n; j++) {
        word |= (uint64_t)((v[j] & 0x7f80u) != 0) << j;
    }
    return word;
}

static uint64_t pack_int8(const int8_t *v, int64_t n) {
    uint64_t word = 0;
    for (int64_t j = 0; j < n; j++) {
        word |= (uint64_t)(v[j] != 0) << j;
    }
    return word;
}

// n <= 64 values at offset + index(j) * stride, index(j) = list[j] or first + j.
static uint64_t pack_word(const sj_values *values, int64_t offset, const int32_t *list, int64_t first, int64_t stride, int64_t n) {
    if (list == NULL && stride == 1) {
        return values->dtype == SJ_DTYPE_BF16 ? pack_bf16((const sj_bf16 *)values->data + offset + first, n)
                                              : pack_int8((const int8_t *)values->data + offset + first, n);
    }
    uint64_t word = 0;
    for (int64_t j = 0; j < n; j++) {
        const int64_t index = list != NULL ? list[first + j] : first + j;
        word |= (uint64_t)sj_values_nonzero(values, offset + index * stride) << j;
    }
    return word;
}

static void pack_row(const sj_values *values, int64_t offset, const int32_t *list, int64_t stride, int64_t n, uint64_t *row) {
    for (int64_t first = 0; first < n; first += GROUP) {
        row[first / GROUP] = pack_word(values, offset, list, first, stride, sj_fast_min(GROUP, n - first));
    }
}

static void put_bits(uint64_t *to, int64_t at, uint64_t word, int64_t n) {
    const int shift = (int)(at % 64);
    to[at / 64] |= word << shift;
    if (shift + n > 64) {
        to[at / 64 + 1] |= word >> (64 - shift);
    }
}

static uint64_t get_bits(const uint64_t *from, int64_t at, int64_t n) {
    const int shift = (int)(at % 64);
    uint64_t word = from[at / 64] >> shift;
    if (shift + n > 64) {
        word |= from[at / 64 + 1] << (64 - shift);
    }
    return n == 64 ? word : word & ((UINT64_C(1) << n) - 1);
}

// The K bits of a weight's u: taps one after the other, channels packed behind each other.
static void pack_weight(const sj_operand *o, int64_t u, uint64_t *row) {
    const int64_t source = (o->u_list != NULL ? o->u_list[u] : u) * o->u_stride;
    for (int64_t tap = 0; tap < o->tap_count; tap++) {
        for (int64_t first = 0; first < o->channel_count; first += GROUP) {
            const int64_t n = sj_fast_min(GROUP, o->channel_count - first);
            const uint64_t word = pack_word(&o->values, source + o->taps[tap].weight_offset, o->channels, first, o->channel_stride, n);
            put_bits(row, tap * o->channel_count + first, word, n);
        }
    }
}

static sj_status make_ones(sj_bits *bits, sj_error *err) {
    SJ_TRY(sj_alloc((void **)&bits->rows, (uint64_t)bits->row_words + 1, sizeof *bits->rows, "mask of ones", err));
    bits->row_stride = 0;
    for (int64_t at = 0; at < bits->row_bits; at += 64) {
        const int64_t n = sj_fast_min(64, bits->row_bits - at);
        bits->rows[at / 64] = n == 64 ? UINT64_MAX : (UINT64_C(1) << n) - 1;
    }
    return SJ_OK;
}

sj_status sj_fast_bits_make(const sj_operand *operand, sj_presence presence, sj_bits *out, sj_error *err) {
    const bool weight = operand->kind == SJ_OPERAND_WEIGHT;
    *out = (sj_bits){.operand = operand, .presence = presence};
    out->row_bits = weight ? operand->tap_count * operand->channel_count : operand->channel_count;
    out->row_words = sj_fast_ceil(out->row_bits, 64);
    if (presence != SJ_PRESENCE_NONZERO) {
        return make_ones(out, err);
    }
    out->row_stride = out->row_words;
    const int64_t rows = weight ? operand->u_count : operand->stored_images * operand->source_h * operand->source_w;
    SJ_TRY(sj_alloc((void **)&out->rows, (uint64_t)(rows * out->row_words) + 1, sizeof *out->rows, "operand masks", err));
#pragma omp parallel for schedule(static) if (rows * out->row_bits > 1048576)
    for (int64_t row = 0; row < rows; row++) {
        uint64_t *to = out->rows + row * out->row_stride;
        if (weight) {
            pack_weight(operand, row, to);
        } else {
            pack_row(&operand->values, row * operand->source_c, operand->channels, 1, operand->channel_count, to);
        }
    }
    return SJ_OK;
}

void sj_fast_bits_free(sj_bits *bits) {
    free(bits->rows);
    *bits = (sj_bits){0};
}

// [channel chunk][image][y][x][channel in chunk]
static void activation_bits(const sj_stream *s, const uint64_t *pixels, int64_t pixel_words, int64_t at, uint64_t *to) {
    for (int64_t chunk = 0; chunk < s->channel_count; chunk += s->k_tile) {
        const int64_t width = sj_fast_min(s->k_tile, s->channel_count - chunk);
        for (int64_t image = 0; image < s->images; image++) {
            for (int64_t p = 0; p < s->y_count * s->x_count; p++) {
                const int64_t y = s->y0 + p / s->x_count * s->y_step, x = s->x0 + p % s->x_count * s->x_step;
                const uint64_t *pixel = pixels + ((image % s->stored_images * s->source_h + y) * s->source_w + x) * pixel_words;
                for (int64_t c = 0; c < width; c += 64) {
                    const int64_t n = sj_fast_min(64, width - c);
                    put_bits(to, at, get_bits(pixel, chunk + c, n), n);
                    at += n;
                }
            }
        }
    }
}

// [k step][u][k in step]
static void weight_bits(const sj_stream *s, const sj_bits *bits, int64_t at, uint64_t *to) {
    for (int64_t k = 0; k < bits->row_bits; k += s->k_tile) {
        const int64_t width = sj_fast_min(s->k_tile, bits->row_bits - k);
        for (int64_t u = 0; u < s->operand->u_count; u++) {
            for (int64_t j = 0; j < width; j += 64) {
                const int64_t n = sj_fast_min(64, width - j);
                put_bits(to, at, get_bits(bits->rows + u * bits->row_stride, k + j, n), n);
                at += n;
            }
        }
    }
}

// One instance, its first value at bit `at`.
static sj_status instance_bits(const sj_stream *stream, int64_t instance, int64_t at, uint64_t *to, sj_error *err) {
    const bool weight = stream->kind == SJ_STREAM_WEIGHT;
    // A stream's pixels are packed as a one-tap operand's would be.
    const sj_operand pixels = {.kind = SJ_OPERAND_WINDOW, .values = stream->values, .channel_count = stream->channel_count, .channels = stream->channels,
                               .stored_images = stream->stored_images, .source_h = stream->source_h, .source_w = stream->source_w, .source_c = stream->source_c};
    sj_operand first = weight ? *stream->operand : pixels;
    first.instance_shift = stream->instance_shift;
    first.instance_period = stream->instance_period;
    const sj_operand here = sj_operand_instance(&first, instance);
    sj_bits bits;
    SJ_TRY(sj_fast_bits_make(&here, SJ_PRESENCE_NONZERO, &bits, err));
    if (weight) {
        weight_bits(stream, &bits, at, to);
    } else {
        activation_bits(stream, bits.rows, bits.row_words, at, to);
    }
    sj_fast_bits_free(&bits);
    return SJ_OK;
}

sj_status sj_fast_stream_bits(const sj_stream *stream, uint64_t **out, sj_error *err) {
    *out = NULL;
    const bool weight = stream->kind == SJ_STREAM_WEIGHT;
    if (stream->kind == SJ_STREAM_RAW) {
        return SJ_FAIL(err, SJ_ERR_INTERNAL, "the values of a raw stream were asked for");
    }
    const int64_t expected = weight ? stream->operand->u_count * stream->operand->tap_count * stream->operand->channel_count
                                    : stream->images * stream->y_count * stream->x_count * stream->channel_count;
    const int64_t one = stream->instance_length > 0 ? stream->instance_length : stream->length;
    if (expected != one || (one > 0 && stream->length % one != 0)) {
        return SJ_FAIL(err, SJ_ERR_INTERNAL, "a stream says %lld values, %lld an instance, where its shape has %lld", (long long)stream->length, (long long)one, (long long)expected);
    }
    sj_status status = sj_alloc((void **)out, (uint64_t)stream->length / 64 + 2, sizeof **out, "stream masks", err);
    for (int64_t at = 0; status == SJ_OK && at < stream->length; at += one) {
        status = instance_bits(stream, at / one, at, *out, err);
    }
    if (status != SJ_OK) {
        free(*out);
        *out = NULL;
    }
    return status;
}

int64_t sj_fast_count_range(const uint64_t *bits, int64_t begin, int64_t end) {
    int64_t count = 0;
    for (int64_t at = begin; at < end;) {
        const int64_t n = sj_fast_min(64 - at % 64, end - at);
        count += __builtin_popcountll(get_bits(bits, at, n));
        at += n;
    }
    return count;
}

// Whether 32 zeros or more stand between two ones of a word: then they are one token, as 64 bits have room for only one such gap.
static int64_t inner_token(uint64_t word) {
    uint64_t near = word;  // bit i: a one in [i-31, i]
    for (int s = 1; s <= 16; s *= 2) {
        near |= near << s;
    }
    const uint64_t below_highest = UINT64_MAX >> __builtin_clzll(word);
    return (~near & below_highest & ~(word ^ (word - 1))) >> __builtin_ctzll(word) != 0;
}

int64_t sj_fast_rle_tokens(const uint64_t *bits, int64_t begin, int64_t end) {
    int64_t tokens = 0, zeros = 0;
    for (int64_t at = begin; at < end; at += 64) {
        const int64_t n = sj_fast_min(64, end - at);
        const uint64_t word = get_bits(bits, at, n);
        if (word == 0) {
            zeros += n;
            continue;
        }
        tokens += __builtin_popcountll(word) + (zeros + __builtin_ctzll(word)) / 32 + inner_token(word);
        zeros = __builtin_clzll(word) - (64 - n);
    }
    return tokens;
}
