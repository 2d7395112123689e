// SPDX-License-Identifier: Apache-2.0
// Plays a Job on an array with random, legal timing of every transfer and checks all outputs in every cycle.
#ifndef ARRAY_DRIVER_HPP
#define ARRAY_DRIVER_HPP

#include <string>
#include <vector>

#include "array_job.hpp"

namespace bench {

class Driver {
public:
    // eagerness: the probability that a transfer that may begin does.
    Driver(sj::Array *array, Job *job, double eagerness, sj_random *random) : array_(*array), job_(*job), eager_(eagerness), random_(random) {}

    // Empty when all went as it must, otherwise what differed first.
    std::string run();
    uint64_t cycles() const { return cycle_; }

private:
    bool chance() { return sj_random_unit(random_) < eager_; }
    bool finished() const;
    void check();
    void check_drain();
    void check_counts();
    void expect(const char *what, uint64_t met, uint64_t wanted);
    void send_masks(sj::ArrayIn *in);
    void send_a(sj::ArrayIn *in);
    void send_b(sj::ArrayIn *in);
    void begin_loading(std::size_t i);
    void commit(sj::ArrayIn *in);
    void drain(sj::ArrayIn *in);
    void fill(sj::ArrayIn *in);

    struct MaskWrite {
        std::size_t step;
        int row;  // -1: the flags
    };
    struct AValues {
        int row, offset;
        std::vector<uint16_t> data;
        std::vector<uint8_t> in_range;
    };
    struct BVector {
        int k, lane;
    };

    sj::Array &array_;
    Job &job_;
    double eager_;
    sj_random *random_;
    uint64_t cycle_ = 0;
    std::string fault_;

    std::size_t loading_ = 0, masks_sent_ = 0;  // step being loaded; steps whose masks are all queued
    std::vector<MaskWrite> masks_;
    std::vector<AValues> a_;
    std::vector<BVector> b_;
    bool loading_begun_ = false;
    std::vector<uint64_t> words_;

    std::size_t drained_ = 0;  // visits whose drain was started
    std::size_t filling_ = 0;  // visit to be filled next
    int fill_row_ = 0;
    uint64_t bus_free_ = 0, drain_start_ = 0;
    int drain_beats_ = 1;
};

}  // namespace bench
#endif
