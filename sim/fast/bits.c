// SPDX-License-Identifier: Apache-2.0
// Packs presence bits of tensors once, so that everything else works on words.

#include "room.h"
#include "shared.h"

static void pack(const sj_fast_kernels *kernels, const sj_values *values, int64_t offset, int64_t n, uint64_t *to) {
    if (values->dtype == SJ_DTYPE_BF16) {
        kernels->pack_bf16((const sj_bf16 *)values->data + offset, n, to);
    } else {
        kernels->pack_int8((const int8_t *)values->data + offset, n, to);
    }
}

// Bits of the listed ones of values from `offset` on, one by one; NULL: of the first n.
static void pack_listed(const sj_fast_kernels *kernels, const sj_values *values, int64_t offset, const int32_t *list, int64_t n, uint64_t *to) {
    if (list == NULL) {
        pack(kernels, values, offset, n, to);
        return;
    }
    for (int64_t first = 0; first < n; first += 64) {
        uint64_t word = 0;
        for (int64_t j = 0; j < sj_fast_min(64, n - first); j++) {
            word |= (uint64_t)sj_values_nonzero(values, offset + list[first + j]) << j;
        }
        to[first / 64] = word;
    }
}

// ---- weights: a row of K bits a u

// Channels next to each other: K is one run where the taps follow each other without a gap, else a run a tap.
static void pack_channel_runs(const sj_bits *bits, int64_t u, uint64_t *scratch) {
    const sj_operand *o = bits->operand;
    const int64_t source = (o->u_list != NULL ? o->u_list[u] : u) * o->u_stride;
    bool gapless = o->channels == NULL;
    for (int64_t tap = 0; tap < o->tap_count; tap++) {
        gapless = gapless && o->taps[tap].weight_offset == o->taps[0].weight_offset + tap * o->channel_count;
    }
    if (gapless) {
        pack(bits->kernels, &o->values, source + o->taps[0].weight_offset, bits->row_bits, bits->rows + u * bits->row_stride);
        return;
    }
    for (int64_t tap = 0; tap < o->tap_count; tap++) {
        pack_listed(bits->kernels, &o->values, source + o->taps[tap].weight_offset, o->channels, o->channel_count, scratch);
        for (int64_t c = 0; c < o->channel_count; c += 64) {
            sj_fast_put_bits(bits->rows + u * bits->row_stride, tap * o->channel_count + c, scratch[c / 64], sj_fast_min(64, o->channel_count - c));
        }
    }
}

static int64_t weight_offset(const sj_operand *o, int64_t k) {
    const int64_t channel = k % o->channel_count;
    return o->taps[k / o->channel_count].weight_offset + (o->channels != NULL ? o->channels[channel] : channel) * o->channel_stride;
}

// The other dimension's values next to each other: 64 runs of u, one a k, are turned into one word of each u's row.
static void pack_u_runs(const sj_bits *bits, int64_t word, uint64_t *scratch) {
    const sj_operand *o = bits->operand;
    const int64_t first = 64 * word, count = sj_fast_min(64, bits->row_bits - first), u_words = sj_fast_ceil(o->u_count, 64);
    for (int64_t j = 0; j < count; j++) {
        pack(bits->kernels, &o->values, weight_offset(o, first + j), o->u_count, scratch + j * u_words);
    }
    for (int64_t uw = 0; uw < u_words; uw++) {
        uint64_t block[64] = {0}, turned[64];
        for (int64_t j = 0; j < count; j++) {
            block[j] = scratch[j * u_words + uw];
        }
        bits->kernels->transpose(block, turned);
        for (int64_t u = 0; u < sj_fast_min(64, o->u_count - 64 * uw); u++) {
            bits->rows[(64 * uw + u) * bits->row_stride + word] = turned[u];
        }
    }
}

static void pack_single_values(const sj_bits *bits, int64_t u) {
    const sj_operand *o = bits->operand;
    const int64_t source = (o->u_list != NULL ? o->u_list[u] : u) * o->u_stride;
    for (int64_t k = 0; k < bits->row_bits; k++) {
        bits->rows[u * bits->row_stride + k / 64] |= (uint64_t)sj_values_nonzero(&o->values, source + weight_offset(o, k)) << (k % 64);
    }
}

static sj_status pack_weight(const sj_bits *bits, sj_error *err) {
    const sj_operand *o = bits->operand;
    uint64_t *scratch = NULL;
    SJ_TRY(sj_fast_take_zeroed(&scratch, (uint64_t)(64 * sj_fast_ceil(o->u_count, 64) + sj_fast_ceil(o->channel_count, 64)), sizeof *scratch, "weight masks", err));
    if (o->channel_stride != 1 && o->u_stride == 1 && o->u_list == NULL) {
        for (int64_t word = 0; word < bits->row_words; word++) {
            pack_u_runs(bits, word, scratch);
        }
    } else {
        for (int64_t u = 0; u < o->u_count && bits->row_bits > 0; u++) {
            if (o->channel_stride == 1) {
                pack_channel_runs(bits, u, scratch);
            } else {
                pack_single_values(bits, u);
            }
        }
    }
    sj_fast_give_back(scratch);
    return SJ_OK;
}

// ---- activations: a row of channels a stored pixel

static void pack_pixels(const sj_bits *bits, int64_t pixels) {
    const sj_operand *o = bits->operand;
    if (o->channels == NULL && o->channel_count == o->source_c && o->source_c % 64 == 0) {
        pack(bits->kernels, &o->values, 0, pixels * o->source_c, bits->rows);
        return;
    }
    for (int64_t p = 0; p < pixels; p++) {
        pack_listed(bits->kernels, &o->values, p * o->source_c, o->channels, o->channel_count, bits->rows + p * bits->row_stride);
    }
}

static sj_status make_ones(sj_bits *bits, sj_error *err) {
    SJ_TRY(sj_fast_take_zeroed(&bits->rows, (uint64_t)bits->row_words + 1, sizeof *bits->rows, "mask of ones", err));
    bits->row_stride = 0;
    for (int64_t at = 0; at < bits->row_bits; at += 64) {
        const int64_t n = sj_fast_min(64, bits->row_bits - at);
        bits->rows[at / 64] = n == 64 ? UINT64_MAX : (UINT64_C(1) << n) - 1;
    }
    return SJ_OK;
}

static sj_bits shape_of_bits(const sj_operand *operand, sj_presence presence) {
    sj_bits bits = {.operand = operand, .presence = presence, .kernels = sj_fast_kernels_now()};
    bits.row_bits = operand->kind == SJ_OPERAND_WEIGHT ? operand->tap_count * operand->channel_count : operand->channel_count;
    bits.row_stride = bits.row_words = sj_fast_ceil(bits.row_bits, 64);
    return bits;
}

sj_status sj_fast_bits_make(const sj_operand *operand, sj_presence presence, sj_bits *out, sj_error *err) {
    const bool weight = operand->kind == SJ_OPERAND_WEIGHT;
    *out = shape_of_bits(operand, presence);
    if (presence != SJ_PRESENCE_NONZERO) {
        return make_ones(out, err);
    }
    const int64_t rows = weight ? operand->u_count : operand->stored_images * operand->source_h * operand->source_w;
    if (weight) {
        SJ_TRY(sj_fast_take_zeroed(&out->rows, (uint64_t)(rows * out->row_words) + 1, sizeof *out->rows, "operand masks", err));
        if (pack_weight(out, err) != SJ_OK) {
            sj_fast_bits_free(out);
            return err->status;
        }
        return SJ_OK;
    }
    SJ_TRY(sj_fast_take(&out->rows, (uint64_t)(rows * out->row_words) + 1, sizeof *out->rows, "operand masks", err));
    pack_pixels(out, rows);
    return SJ_OK;
}

// What the masks follow from: of a tensor of pixels its values and channels, of a weight the order of its rows as well.
static sj_fast_key key_of_bits(const sj_operand *o) {
    sj_fast_key key = sj_fast_key_of(SJ_SHARED_BITS);
    const bool weight = o->kind == SJ_OPERAND_WEIGHT;
    const int64_t numbers[] = {weight, o->channel_count, weight ? o->tap_count : o->stored_images * o->source_h * o->source_w, weight ? o->u_stride : o->source_c,
                               weight ? o->channel_stride : 0, weight ? o->u_count : 0};
    sj_fast_key_values(&key, &o->values);
    for (size_t i = 0; i < sizeof numbers / sizeof *numbers; i++) {
        sj_fast_key_put(&key, numbers[i]);
    }
    sj_fast_key_list(&key, o->channels, o->channel_count);
    for (int64_t t = 0; weight && t < o->tap_count; t++) {
        sj_fast_key_put(&key, o->taps[t].weight_offset);
    }
    sj_fast_key_list(&key, weight ? o->u_list : NULL, o->u_count);
    return key;
}

static void release_rows(void *rows) { sj_fast_give_back(rows); }

static uint64_t bytes_of_rows(const sj_bits *bits) {
    const sj_operand *o = bits->operand;
    return 8 * (uint64_t)((o->kind == SJ_OPERAND_WEIGHT ? o->u_count : o->stored_images * o->source_h * o->source_w) * bits->row_words);
}

sj_status sj_fast_bits_share(sj_fast_shared *shared, const sj_operand *operand, sj_bits *out, sj_error *err) {
    if (shared == NULL) {
        return sj_fast_bits_make(operand, SJ_PRESENCE_NONZERO, out, err);
    }
    sj_fast_key key = key_of_bits(operand);
    uint64_t *rows = sj_fast_shared_find(shared, &key);
    sj_status status = SJ_OK;
    if (rows == NULL) {
        status = sj_fast_bits_make(operand, SJ_PRESENCE_NONZERO, out, err);
        status = status == SJ_OK ? sj_fast_shared_keep(shared, &key, out->rows, bytes_of_rows(out), release_rows, err) : status;
    } else {
        *out = shape_of_bits(operand, SJ_PRESENCE_NONZERO);
        out->rows = rows;
    }
    out->borrowed = true;
    sj_fast_key_free(&key);
    return status;
}

// Every instance's own channels out of the masks of the whole tensor.
static sj_status take_channels(const sj_bits *whole, int64_t first, const sj_operand *view, sj_bits *out, sj_error *err) {
    const int64_t pixels = view->stored_images * view->source_h * view->source_w, words = sj_fast_ceil(view->channel_count, 64);
    *out = (sj_bits){.operand = view, .presence = SJ_PRESENCE_NONZERO, .row_bits = view->channel_count, .row_words = words, .row_stride = words, .kernels = whole->kernels};
    SJ_TRY(sj_fast_take(&out->rows, (uint64_t)(pixels * words) + 1, sizeof *out->rows, "operand masks", err));
    for (int64_t p = 0; p < pixels; p++) {
        for (int64_t c = 0; c < view->channel_count; c += 64) {
            out->rows[p * words + c / 64] = sj_fast_get_bits(whole->rows + p * whole->row_stride, first + c, sj_fast_min(64, view->channel_count - c));
        }
    }
    return SJ_OK;
}

sj_status sj_fast_bits_of_instance(sj_fast_shared *shared, const sj_operand *operand, int64_t instances, int64_t instance, const sj_operand *view, sj_bits *out, sj_error *err) {
    const int64_t which = operand->instance_period > 0 ? instance % operand->instance_period : instance, first = which * operand->instance_shift;
    if (instances == 1 || operand->instance_shift == 0) {
        return sj_fast_bits_share(shared, view, out, err);
    }
    if (shared == NULL || operand->kind == SJ_OPERAND_WEIGHT || operand->channels != NULL || first + operand->channel_count > operand->source_c) {
        return sj_fast_bits_make(view, SJ_PRESENCE_NONZERO, out, err);
    }
    sj_operand all = *operand;
    sj_bits whole;
    all.channel_count = all.source_c;
    SJ_TRY(sj_fast_bits_share(shared, &all, &whole, err));
    const sj_status status = take_channels(&whole, first, view, out, err);
    sj_fast_bits_free(&whole);
    return status;
}

void sj_fast_bits_free(sj_bits *bits) {
    if (!bits->borrowed) {
        sj_fast_give_back(bits->rows);
    }
    *bits = (sj_bits){0};
}

// One pixel's channels [chunk, chunk + width) from bit `at` on.
static void put_pixel(uint64_t *to, int64_t at, const uint64_t *pixel, int64_t chunk, int64_t width) {
    for (int64_t c = 0; c < width; c += 64) {
        const int64_t n = sj_fast_min(64, width - c);
        sj_fast_put_bits(to, at + c, sj_fast_get_bits(pixel, chunk + c, n), n);
    }
}

// [channel chunk][image][y][x][channel in chunk]
static void activation_bits(const sj_stream *s, const uint64_t *pixels, int64_t pixel_words, int64_t at, uint64_t *to) {
    for (int64_t chunk = 0; chunk < s->channel_count; chunk += s->k_tile) {
        const int64_t width = sj_fast_min(s->k_tile, s->channel_count - chunk);
        const bool words = at % 64 == 0 && width == 64 && chunk % 64 == 0;
        for (int64_t line = 0; line < s->images * s->y_count; line++) {
            const int64_t y = s->y0 + line % s->y_count * s->y_step, image = line / s->y_count % s->stored_images, pitch = s->x_step * pixel_words;
            const uint64_t *pixel = pixels + ((image * s->source_h + y) * s->source_w + s->x0) * pixel_words;
            for (int64_t x = 0; x < s->x_count && words; x++) {
                to[at / 64 + x] = pixel[x * pitch + chunk / 64];
            }
            for (int64_t x = 0; x < s->x_count && !words; x++) {
                put_pixel(to, at + x * width, pixel + x * pitch, chunk, width);
            }
            at += s->x_count * width;
        }
    }
}

// [k step][u][k in step]
static void weight_bits(const sj_stream *s, const sj_bits *bits, int64_t at, uint64_t *to) {
    for (int64_t k = 0; k < bits->row_bits; k += s->k_tile) {
        const int64_t width = sj_fast_min(s->k_tile, bits->row_bits - k);
        if (width == 64 && k % 64 == 0 && at % 64 == 0) {
            for (int64_t u = 0; u < s->operand->u_count; u++, at += 64) {
                to[at / 64] = bits->rows[u * bits->row_stride + k / 64];
            }
            continue;
        }
        for (int64_t u = 0; u < s->operand->u_count; u++) {
            for (int64_t j = 0; j < width; j += 64) {
                const int64_t n = sj_fast_min(64, width - j);
                sj_fast_put_bits(to, at, sj_fast_get_bits(bits->rows + u * bits->row_stride, k + j, n), n);
                at += n;
            }
        }
    }
}

// A part of the plane: only its pixels are packed, each into `row` and from there into every chunk.
static void part_bits(const sj_stream *s, const sj_operand *o, int64_t at, uint64_t *row, uint64_t *to) {
    const sj_fast_kernels *kernels = sj_fast_kernels_now();
    const int64_t pixels = s->images * s->y_count * s->x_count;
    int64_t p = 0;
    for (int64_t line = 0; line < s->images * s->y_count; line++) {
        const int64_t y = s->y0 + line % s->y_count * s->y_step, image = line / s->y_count % s->stored_images;
        for (int64_t x = 0; x < s->x_count; x++, p++) {
            pack_listed(kernels, &o->values, ((image * s->source_h + y) * s->source_w + s->x0 + x * s->x_step) * s->source_c, s->channels, s->channel_count, row);
            for (int64_t chunk = 0; chunk < s->channel_count; chunk += s->k_tile) {
                const int64_t width = sj_fast_min(s->k_tile, s->channel_count - chunk);
                put_pixel(to, at + chunk * pixels + p * width, row, chunk, width);
            }
        }
    }
}

// A stream's pixels are packed as a one-tap operand's would be.
static sj_operand pixels_of(const sj_stream *s) {
    return (sj_operand){.kind = SJ_OPERAND_WINDOW, .values = s->values, .channel_count = s->channel_count, .channels = s->channels, .stored_images = s->stored_images,
                        .source_h = s->source_h, .source_w = s->source_w, .source_c = s->source_c};
}

// One instance, its first value at bit `at`.
static sj_status instance_bits(const sj_stream *stream, sj_fast_shared *shared, int64_t instance, int64_t at, uint64_t *to, sj_error *err) {
    const bool weight = stream->kind == SJ_STREAM_WEIGHT;
    sj_operand first = weight ? *stream->operand : pixels_of(stream);
    first.instance_shift = stream->instance_shift;
    first.instance_period = stream->instance_period;
    const sj_operand here = sj_operand_instance(&first, instance);
    sj_bits bits;
    if (!weight && stream->y_count * stream->x_count * 2 <= stream->source_h * stream->source_w && stream->images <= stream->stored_images) {
        uint64_t *row = NULL;
        SJ_TRY(sj_fast_take(&row, (uint64_t)sj_fast_ceil(stream->channel_count, 64), sizeof *row, "a pixel's mask", err));
        part_bits(stream, &here, at, row, to);
        sj_fast_give_back(row);
        return SJ_OK;
    }
    SJ_TRY(sj_fast_bits_of_instance(shared, &first, stream->length / (stream->instance_length > 0 ? stream->instance_length : stream->length), instance, &here, &bits, err));
    if (weight) {
        weight_bits(stream, &bits, at, to);
    } else {
        activation_bits(stream, bits.rows, bits.row_words, at, to);
    }
    sj_fast_bits_free(&bits);
    return SJ_OK;
}

// One chunk of whole words a pixel over the whole tensor: the stream is the tensor's masks as they are.
static bool is_plain(const sj_stream *s) {
    const bool all_pixels = s->y_step == 1 && s->x_step == 1 && s->y_count == s->source_h && s->x_count == s->source_w && s->images == s->stored_images;
    return s->kind == SJ_STREAM_ACTIVATION && all_pixels && s->channel_count % 64 == 0 && s->channel_count <= s->k_tile;
}

// `one`: values of an instance.
static sj_status all_instances(const sj_stream *stream, sj_fast_shared *shared, int64_t one, uint64_t **out, sj_error *err) {
    sj_status status = sj_fast_take_zeroed(out, (uint64_t)stream->length / 64 + 2, sizeof **out, "stream masks", err);
    for (int64_t at = 0; status == SJ_OK && at < stream->length; at += one) {
        status = instance_bits(stream, shared, at / one, at, *out, err);
    }
    if (status != SJ_OK) {
        sj_fast_give_back(*out);
        *out = NULL;
    }
    return status;
}

static sj_status share_stream(const sj_stream *stream, sj_fast_shared *shared, int64_t one, uint64_t **out, bool *borrowed, sj_error *err) {
    sj_fast_key key = sj_fast_key_of(SJ_SHARED_STREAM);
    sj_fast_key_stream(&key, stream);
    *out = sj_fast_shared_find(shared, &key);
    *borrowed = true;
    sj_status status = SJ_OK;
    if (*out == NULL) {
        status = all_instances(stream, shared, one, out, err);
        status = status == SJ_OK ? sj_fast_shared_keep(shared, &key, *out, (uint64_t)stream->length / 8 + 16, release_rows, err) : status;
    }
    sj_fast_key_free(&key);
    return status;
}

sj_status sj_fast_stream_bits(const sj_stream *stream, sj_fast_shared *shared, uint64_t **out, bool *borrowed, sj_error *err) {
    *out = NULL;
    *borrowed = false;
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
    if (shared != NULL && one == stream->length && is_plain(stream)) {
        sj_bits bits;
        const sj_operand pixels = pixels_of(stream);
        SJ_TRY(sj_fast_bits_share(shared, &pixels, &bits, err));
        *out = bits.rows;
        *borrowed = true;
        return SJ_OK;
    }
    return shared != NULL && shared->lasting ? share_stream(stream, shared, one, out, borrowed, err) : all_instances(stream, shared, one, out, err);
}

int64_t sj_fast_count_range(const uint64_t *bits, int64_t begin, int64_t end) {
    if (begin >= end) {
        return 0;
    }
    const sj_fast_kernels *kernels = sj_fast_kernels_now();
    const int64_t first = begin / 64, last = (end - 1) / 64;
    const uint64_t head = UINT64_MAX << (begin % 64), tail = UINT64_MAX >> (63 - (end - 1) % 64);
    if (first == last) {
        const uint64_t word = bits[first] & head & tail;
        return (int64_t)kernels->popcount(&word, 1);
    }
    const uint64_t ends[2] = {bits[first] & head, bits[last] & tail};
    return (int64_t)(kernels->popcount(ends, 2) + kernels->popcount(bits + first + 1, last - first - 1));
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
    int64_t tokens = sj_fast_count_range(bits, begin, end), zeros = 0;  // one a nonzero, and those of long runs
    for (int64_t at = begin; at < end; at += 64) {
        const int64_t n = sj_fast_min(64, end - at);
        const uint64_t word = sj_fast_get_bits(bits, at, n);
        if (word == 0) {
            zeros += n;
            continue;
        }
        tokens += (int64_t)((uint64_t)(zeros + __builtin_ctzll(word)) / 32) + inner_token(word);
        zeros = __builtin_clzll(word) - (64 - n);
    }
    return tokens;
}
