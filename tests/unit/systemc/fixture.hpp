// SPDX-License-Identifier: Apache-2.0
// Small machines and jobs for the tests of the SystemC system.
#ifndef SJ_TEST_FIXTURE_HPP
#define SJ_TEST_FIXTURE_HPP

#include <cstdint>
#include <random>
#include <vector>

#include "sj_accel.h"
#include "sj_counters.h"
#include "sj_job.h"

namespace test {

constexpr int64_t kNoLimit = INT64_MAX;

// 2 rows x 2 lanes x 2 slots, k_tile 8, int8, buses of 4 bytes, lines of 8 bytes in 2 banks, 500 MHz, ddr4-3200-4x16.
sj_accel small_accel();

uint64_t seed_of_run();  // SJ_TEST_SEED or a fixed one; printed

class Random {
public:
    explicit Random(uint64_t seed) : engine_(seed) {}
    int64_t between(int64_t low, int64_t high) { return low + static_cast<int64_t>(engine_() % static_cast<uint64_t>(high - low + 1)); }
    bool chance(int64_t percent) { return between(1, 100) <= percent; }
    int64_t pick(std::initializer_list<int64_t> of) { return of.begin()[between(0, static_cast<int64_t>(of.size()) - 1)]; }

private:
    std::mt19937_64 engine_;
};

// Owns what a job borrows.
struct Job {
    sj_job job = {};
    std::vector<uint16_t> bf16_a, bf16_b;
    std::vector<int8_t> int8_a, int8_b;
    std::vector<sj_tap> taps;
    std::vector<int32_t> kept_a, kept_b;  // channels
    std::vector<sj_stream> streams;
    std::vector<sj_segment> segments;
    std::vector<sj_block> blocks;
    void connect();  // points the job at the vectors
};

void fill_values(Random *random, sj_dtype dtype, int64_t count, int64_t density_percent, std::vector<uint16_t> *bf16, std::vector<int8_t> *int8);

// O[m x n] = A B of random values as one block without transfers.
void make_gemm(Random *random, const sj_accel &accel, int64_t m, int64_t k, int64_t n, int64_t density_a, int64_t density_b, Job *out);
// 3x3 convolution with padding 1 over images x size x size x channels (at times those kept of twice as many), as forward (A = im2col) or as weight gradient (A = dy^T, B = im2col).
void make_conv(Random *random, const sj_accel &accel, int64_t images, int64_t size, int64_t channels, int64_t outputs, bool weight_gradient, Job *out);
// Cuts the job into blocks of random sizes, k outermost or innermost.
void cut_blocks(Random *random, const sj_accel &accel, Job *job);

// Makes the one product `count` instances: further values behind those of the first, which may come round again. Before cut_blocks.
void add_instances(Random *random, const sj_accel &accel, int64_t count, Job *job);
// Transfers for every block: random segments of A (at times through the transposer) and B, a share of the results as a store.
void add_transfers(Random *random, const sj_accel &accel, Job *job);

// Sums k ascending, as docs/timing.md and sj_counters.h define them: 32-bit words.
std::vector<uint32_t> naive_product(const sj_job &job);

}  // namespace test
#endif
