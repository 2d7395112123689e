// SPDX-License-Identifier: Apache-2.0
// sj_codec_encode and sj_codec_decode: groups of all densities come back as they were, a line a cycle, and their bursts are as many as docs/timing.md section 4 says.
#include <array>
#include <vector>

#include <verilated.h>

#include "Vcodec_decode.h"
#include "Vcodec_decode_int8.h"
#include "Vcodec_encode.h"
#include "Vcodec_encode_int8.h"
#include "bench.hpp"

namespace {

using Line = std::array<uint32_t, 16>;
constexpr int kGroups = 200;

struct Group {
    std::vector<Line> lines;
    int nonzeros = 0;
};

struct Coded {
    Line mask{};
    std::vector<Line> bursts;
};

// A value is zero with a probability of zeros in 256; a bf16 that is not has an exponent.
Group random_group(sj_random *random, unsigned value_bytes, uint64_t zeros) {
    Group group;
    const unsigned values = 4 / value_bytes;
    for (unsigned l = 0; l < 8 * value_bytes; l++) {
        Line line{};
        for (uint32_t &word : line) {
            for (unsigned v = 0; v < values; v++) {
                if (sj_random_below(random, 256) < zeros) continue;
                const uint32_t bits = value_bytes == 2 ? static_cast<uint32_t>(sj_random_below(random, 0x8000)) | 0x4000U : 1 + static_cast<uint32_t>(sj_random_below(random, 255));
                word |= bits << (8 * value_bytes * v);
                group.nonzeros++;
            }
        }
        group.lines.push_back(line);
    }
    return group;
}

template <class Port>
void drive(Port &port, const Line &line) {
    for (size_t w = 0; w < line.size(); w++) port[w] = line[w];
}

template <class Port>
Line sample(const Port &port) {
    Line line;
    for (size_t w = 0; w < line.size(); w++) line[w] = port[w];
    return line;
}

template <class Model>
void reset(Model &model) {
    model.rst_ni = 0;
    model.clk_i = 0;
    model.eval();
    model.rst_ni = 1;
    bench::edge(model);
}

// All groups, one behind the other without a pause.
template <class Encoder>
std::vector<Coded> encode(const std::vector<Group> &groups, bench::Checker &checker, VerilatedContext &context) {
    Encoder model(&context, "encode");
    std::vector<Coded> coded(groups.size());
    model.valid_i = 0;
    reset(model);
    size_t done = 0;
    for (size_t g = 0; g <= groups.size(); g++) {
        const size_t lines = g < groups.size() ? groups[g].lines.size() : 1;
        for (size_t l = 0; l < lines; l++) {
            model.valid_i = g < groups.size();
            model.last_i = l + 1 == lines;
            if (model.valid_i) drive(model.line_i, groups[g].lines[l]);
            model.eval();
            // The first cycle of a group still belongs to the one before.
            const size_t owner = l == 0 && g > 0 ? g - 1 : g;
            if (model.valid_o) coded[owner].bursts.push_back(sample(model.burst_o));
            checker.expect("mask_valid", g, model.mask_valid_o, l == 0 && g > 0);
            if (model.mask_valid_o) {
                coded[done].mask = sample(model.mask_o);
                checker.expect("nonzeros", done, model.nonzeros_o, static_cast<uint64_t>(groups[done].nonzeros));
                done++;
            }
            bench::edge(model);
        }
    }
    return coded;
}

template <class Decoder>
void decode(const std::vector<Group> &groups, const std::vector<Coded> &coded, bench::Checker &checker, VerilatedContext &context) {
    Decoder model(&context, "decode");
    model.start_i = 0;
    model.ready_i = 0;
    model.valid_i = 0;
    reset(model);
    for (size_t g = 0; g < groups.size(); g++) {
        const bool plain = g % 7 == 6;  // as it would be stored if it did not shrink
        const std::vector<Line> &bursts = plain ? groups[g].lines : coded[g].bursts;
        model.start_i = 1;
        model.plain_i = plain;
        drive(model.mask_i, coded[g].mask);
        model.ready_i = 0;
        bench::edge(model);
        model.start_i = 0;
        size_t taken = 0;
        for (const Line &line : groups[g].lines) {
            model.ready_i = 1;
            model.valid_i = taken < bursts.size();
            if (model.valid_i) drive(model.burst_i, bursts[taken]);
            model.eval();
            checker.expect("valid", g, model.valid_o, 1);
            const Line out = sample(model.line_o);
            for (size_t w = 0; w < out.size(); w++) checker.expect("word", g, out[w], line[w]);
            taken += model.take_o;
            bench::edge(model);
        }
        checker.expect("bursts taken", g, taken, bursts.size());
    }
}

template <class Encoder, class Decoder>
void round_trip(unsigned value_bytes, sj_random *random, bench::Checker &checker) {
    VerilatedContext context;
    std::vector<Group> groups;
    for (int g = 0; g < kGroups; g++) groups.push_back(random_group(random, value_bytes, g < 2 ? 256U * static_cast<unsigned>(g) : sj_random_below(random, 257)));
    const std::vector<Coded> coded = encode<Encoder>(groups, checker, context);
    for (size_t g = 0; g < groups.size(); g++) {
        const unsigned bytes = static_cast<unsigned>(groups[g].nonzeros) * value_bytes;
        checker.expect("bursts", g, coded[g].bursts.size(), (bytes + 63) / 64);
    }
    decode<Decoder>(groups, coded, checker, context);
}

}  // namespace

int main() {
    sj_random random = sj_random_seed(bench::seed());
    bench::Checker checker;
    round_trip<Vcodec_encode, Vcodec_decode>(2, &random, checker);
    round_trip<Vcodec_encode_int8, Vcodec_decode_int8>(1, &random, checker);
    return checker.result();
}
