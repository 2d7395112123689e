// SPDX-License-Identifier: Apache-2.0
#include "fixture.hpp"

#include <algorithm>
#include <cmath>
#include <cstdio>
#include <cstdlib>
#include <cstring>

namespace test {

sj_accel small_accel() {
    sj_accel a = {};
    std::snprintf(a.name, sizeof a.name, "small");
    a.dtype = SJ_DTYPE_INT8;
    a.clock_mhz = 500.0;
    a.rows = a.lanes = a.slots = 2;
    a.k_tile = 8;
    a.acc_banks = 2;
    a.a_bytes = a.b_bytes = a.o_bytes = 4;
    a.buffer_kib = 64;
    a.line_bytes = 8;
    a.a_banks = 2;
    a.dram = sj_dram_find("ddr4-3200-4x16");
    a.dram_channels = 1;
    a.vector_lanes = 4;
    return a;
}

uint64_t seed_of_run() {
    const char *text = std::getenv("SJ_TEST_SEED");
    const uint64_t seed = text != nullptr ? std::strtoull(text, nullptr, 0) : 20240607;
    std::printf("SJ_TEST_SEED=%llu\n", static_cast<unsigned long long>(seed));
    return seed;
}

void Job::connect() {
    job.a.values.data = job.a.values.dtype == SJ_DTYPE_BF16 ? static_cast<const void *>(bf16_a.data()) : int8_a.data();
    job.b.values.data = job.b.values.dtype == SJ_DTYPE_BF16 ? static_cast<const void *>(bf16_b.data()) : int8_b.data();
    job.a.taps = job.b.taps = taps.data();
    job.streams = streams.data();
    job.stream_count = static_cast<int64_t>(streams.size());
    job.segments = segments.data();
    job.segment_count = static_cast<int64_t>(segments.size());
    job.blocks = blocks.data();
    job.block_count = static_cast<int64_t>(blocks.size());
}

void fill_values(Random *random, sj_dtype dtype, int64_t count, int64_t density_percent, std::vector<uint16_t> *bf16, std::vector<int8_t> *int8) {
    for (int64_t i = 0; i < count; ++i) {
        const bool nonzero = random->chance(density_percent);
        if (dtype == SJ_DTYPE_INT8) {
            const int64_t v = random->between(1, 127);
            int8->push_back(static_cast<int8_t>(!nonzero ? 0 : random->chance(50) ? -v : v));
        } else {
            // Zeros are at times denormals or -0; a few exponents are so small that products and sums underflow.
            const int64_t exponent = !nonzero ? 0 : random->chance(10) ? random->between(1, 70) : random->between(120, 134);
            const int64_t mantissa = nonzero || random->chance(10) ? random->between(0, 127) : 0;
            bf16->push_back(static_cast<uint16_t>((random->chance(50) && (nonzero || random->chance(10)) ? 0x8000 : 0) | (exponent << 7) | mantissa));
        }
    }
}

static void one_block(Job *j) {
    j->job.is_product = true;
    j->job.array_only = true;
    j->blocks = {sj_block{0, j->job.m, 0, j->job.n, 0, j->job.k, 0, 0, 0, 0, 0, 0}};
    std::snprintf(j->job.layer, sizeof j->job.layer, "test");
}

void make_gemm(Random *random, const sj_accel &accel, int64_t m, int64_t k, int64_t n, int64_t density_a, int64_t density_b, Job *out) {
    fill_values(random, accel.dtype, m * k, density_a, &out->bf16_a, &out->int8_a);
    fill_values(random, accel.dtype, k * n, density_b, &out->bf16_b, &out->int8_b);
    sj_job &job = out->job;
    job.m = m;
    job.n = n;
    job.k = k;
    job.out_bytes = accel.dtype == SJ_DTYPE_BF16 ? 2 : 4;
    out->taps = {sj_tap{0, 0, 0}};
    job.a.kind = SJ_OPERAND_WINDOW;
    job.a.values.dtype = job.b.values.dtype = accel.dtype;
    job.a.tap_count = job.b.tap_count = 1;
    job.a.channel_count = job.b.channel_count = job.a.source_c = k;
    job.a.images = job.a.stored_images = m;
    job.a.grid_h = job.a.grid_w = job.a.stride = job.a.source_h = job.a.source_w = 1;
    job.b.kind = SJ_OPERAND_WEIGHT;
    job.b.u_stride = 1;
    job.b.channel_stride = n;
    job.b.u_count = n;
    one_block(out);
    out->connect();
}

static sj_operand window(const sj_accel &accel, sj_operand_kind kind, int64_t taps, int64_t images, int64_t size, int64_t channels, std::vector<int32_t> *kept, Random *random) {
    sj_operand o = {};
    o.kind = kind;
    o.values.dtype = accel.dtype;
    o.tap_count = taps;
    o.channel_count = o.source_c = channels;
    o.images = images;
    o.stored_images = std::max<int64_t>(1, images / 2);  // the batch repeats what is stored
    o.grid_h = o.grid_w = o.source_h = o.source_w = size;
    o.stride = 1;
    if (random->chance(50)) {
        o.source_c = 2 * channels;
        for (int64_t c = 0; c < channels; ++c) {
            kept->push_back(static_cast<int32_t>(2 * c + random->between(0, 1)));
        }
        o.channels = kept->data();
    }
    return o;
}

void make_conv(Random *random, const sj_accel &accel, int64_t images, int64_t size, int64_t channels, int64_t outputs, bool weight_gradient, Job *out) {
    sj_job &job = out->job;
    for (int64_t t = 0; t < 9; ++t) {
        out->taps.push_back(sj_tap{t / 3 - 1, t % 3 - 1, t * channels});
    }
    const int64_t pixels = images * size * size;
    if (weight_gradient) {
        job.a = window(accel, SJ_OPERAND_WINDOW_T, 1, images, size, outputs, &out->kept_a, random);
        job.b = window(accel, SJ_OPERAND_WINDOW_T, 9, images, size, channels, &out->kept_b, random);
        job.m = outputs;
        job.k = pixels;
        job.n = 9 * channels;
        job.flags_per_lane = channels % accel.lanes != 0;
        job.out_bytes = 4;
        fill_values(random, accel.dtype, pixels * job.a.source_c, 40, &out->bf16_a, &out->int8_a);
        fill_values(random, accel.dtype, pixels * job.b.source_c, 60, &out->bf16_b, &out->int8_b);
    } else {
        job.a = window(accel, SJ_OPERAND_WINDOW, 9, images, size, channels, &out->kept_a, random);
        job.b.kind = SJ_OPERAND_WEIGHT;
        job.b.values.dtype = accel.dtype;
        job.b.tap_count = 9;
        job.b.channel_count = channels;
        job.b.u_stride = 9 * channels;
        job.b.channel_stride = 1;
        job.b.u_count = outputs;
        job.m = pixels;
        job.k = 9 * channels;
        job.n = outputs;
        job.out_bytes = accel.dtype == SJ_DTYPE_BF16 ? 2 : 4;
        fill_values(random, accel.dtype, pixels * job.a.source_c, 50, &out->bf16_a, &out->int8_a);
        fill_values(random, accel.dtype, outputs * 9 * channels, 80, &out->bf16_b, &out->int8_b);
    }
    one_block(out);
    out->connect();
    if (weight_gradient) {
        // dy has one tap at (0, 0): the middle one.
        job.a.taps = &out->taps[4];
    }
}

void cut_blocks(Random *random, const sj_accel &accel, Job *j) {
    const sj_job &job = j->job;
    const int64_t m_unit = accel.rows * accel.slots;
    const int64_t m_block = m_unit * random->between(1, 3), n_block = accel.lanes * random->between(1, 2), k_block = accel.k_tile * random->between(1, 2);
    j->blocks.clear();
    const bool k_outer = random->chance(50);
    const auto add = [&](int64_t instance, int64_t m, int64_t n, int64_t k) {
        j->blocks.push_back(sj_block{m, std::min(m + m_block, job.m), n, std::min(n + n_block, job.n), k, std::min(k + k_block, job.k), 0, 0, 0, 0, 0, instance});
    };
    const int64_t outer_end = k_outer ? job.k : 1;
    for (int64_t instance = 0; instance < sj_job_instances(&job); ++instance) {
        for (int64_t k = 0; k < outer_end; k += k_block) {
            for (int64_t n = 0; n < job.n; n += n_block) {
                for (int64_t m = 0; m < job.m; m += m_block) {
                    for (int64_t inner = k; inner < (k_outer ? k + 1 : job.k); inner += k_block) {
                        add(instance, m, n, inner);
                    }
                }
            }
        }
    }
    const sj_tap *a_taps = job.a.taps;
    j->connect();
    j->job.a.taps = a_taps;
}

void add_instances(Random *random, const sj_accel &accel, int64_t count, Job *j) {
    sj_job &job = j->job;
    const auto add = [&](sj_operand *o, std::vector<uint16_t> *bf16, std::vector<int8_t> *int8) {
        const int64_t one = static_cast<int64_t>(std::max(bf16->size(), int8->size()));
        const int64_t different = random->between(1, count);
        o->instance_shift = one;
        o->instance_period = different < count || random->chance(50) ? different : 0;
        fill_values(random, accel.dtype, one * (different - 1), random->pick({20, 50, 100}), bf16, int8);
    };
    add(&job.a, &j->bf16_a, &j->int8_a);
    add(&job.b, &j->bf16_b, &j->int8_b);
    job.instances = count;
    const sj_block first = j->blocks[0];
    for (int64_t i = 1; i < count; ++i) {
        j->blocks.push_back(first);
        j->blocks.back().instance = i;
    }
    const sj_tap *a_taps = job.a.taps;
    j->connect();
    job.a.taps = a_taps;
}

static sj_stream stream_of(const sj_accel &accel, const sj_job &job, const sj_operand &o) {
    sj_stream s = {};
    s.value_bytes = sj_accel_value_bytes(&accel);
    s.coded = true;
    s.k_tile = accel.k_tile;
    if (o.kind == SJ_OPERAND_WEIGHT) {
        s.kind = SJ_STREAM_WEIGHT;
        s.operand = &o;
        s.length = sj_operand_u_count(&o) * sj_operand_k_count(&o);
    } else {
        s.kind = SJ_STREAM_ACTIVATION;
        s.values = o.values;
        s.images = o.images;
        s.stored_images = o.stored_images;
        s.source_h = s.y_count = o.source_h;
        s.source_w = s.x_count = o.source_w;
        s.source_c = o.source_c;
        s.y_step = s.x_step = 1;
        s.channel_count = o.channel_count;
        s.channels = o.channels;
        s.length = s.images * s.y_count * s.x_count * s.channel_count;
    }
    s.instance_length = s.length;
    s.instance_shift = o.instance_shift;
    s.instance_period = o.instance_period;
    s.length *= sj_job_instances(&job);
    return s;
}

void add_transfers(Random *random, const sj_accel &accel, Job *j) {
    sj_job &job = j->job;
    const sj_tap *a_taps = job.a.taps;
    sj_stream out = {};
    out.kind = SJ_STREAM_RAW;
    out.value_bytes = job.out_bytes;
    out.length = sj_job_instances(&job) * job.m * job.n;
    j->streams = {stream_of(accel, job, job.a), stream_of(accel, job, job.b), out};
    for (size_t i = 0; i < 3; ++i) {
        j->streams[i].base = static_cast<int64_t>(i) << 20;
        j->streams[i].table_base = (static_cast<int64_t>(i) << 20) + (1 << 19);
    }
    int64_t stored = 0;
    for (sj_block &block : j->blocks) {
        block.load_first = static_cast<int>(j->segments.size());
        block.load_count = static_cast<int>(random->between(0, 3));
        for (int i = 0; i < block.load_count; ++i) {
            const int stream = static_cast<int>(random->between(0, 1));
            const int64_t begin = random->between(0, j->streams[static_cast<size_t>(stream)].length - 1);
            const int64_t end = random->between(begin + 1, std::min(begin + 3000, j->streams[static_cast<size_t>(stream)].length));
            j->segments.push_back({stream, begin, end, stream == 0 && random->chance(50) ? std::min(accel.k_tile, job.a.channel_count) : 0});
        }
        block.store_first = static_cast<int>(j->segments.size());
        if (block.k1 == job.k && stored < out.length) {
            const int64_t end = random->between(stored + 1, std::min(out.length, stored + 200));
            j->segments.push_back({2, stored, end, 0});
            block.store_count = 1;
            stored = end;
        }
    }
    job.array_only = false;
    j->connect();
    job.a.taps = a_taps;
}

static float flushed(float v) { return std::fabs(v) < 0x1.0p-126f ? 0.0f : v; }

static int64_t shift_of(const sj_operand &o, int64_t instance) { return (o.instance_period > 0 ? instance % o.instance_period : instance) * o.instance_shift; }

static uint32_t naive_result(const sj_job &job, int64_t instance, int64_t m, int64_t n) {
    float real = 0.0f;
    uint32_t whole = 0;
    for (int64_t k = 0; k < job.k; ++k) {
        int64_t x = sj_operand_offset(&job.a, m, k), y = sj_operand_offset(&job.b, n, k);
        if (x == SJ_PADDING || y == SJ_PADDING) {
            continue;
        }
        x += shift_of(job.a, instance);
        y += shift_of(job.b, instance);
        if (!sj_values_nonzero(&job.a.values, x) || !sj_values_nonzero(&job.b.values, y)) {
            continue;
        }
        const uint16_t p = sj_values_bits(&job.a.values, x), q = sj_values_bits(&job.b.values, y);
        real = flushed(real + flushed(sj_bf16_to_f32(p) * sj_bf16_to_f32(q)));
        whole += static_cast<uint32_t>(static_cast<int8_t>(p & 0xff) * static_cast<int8_t>(q & 0xff));
    }
    return job.a.values.dtype == SJ_DTYPE_BF16 ? sj_f32_bits(real) : whole;
}

std::vector<uint32_t> naive_product(const sj_job &job) {
    std::vector<uint32_t> out;
    for (int64_t instance = 0; instance < sj_job_instances(&job); ++instance) {
        for (int64_t m = 0; m < job.m; ++m) {
            for (int64_t n = 0; n < job.n; ++n) {
                out.push_back(naive_result(job, instance, m, n));
            }
        }
    }
    return out;
}

}  // namespace test
