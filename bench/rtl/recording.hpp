// SPDX-License-Identifier: Apache-2.0
// What a run drove into its array, clock by clock, to be played into another one without the system around it.
#ifndef RECORDING_HPP
#define RECORDING_HPP

#include <deque>
#include <memory>
#include <vector>

#include "sj_array.hpp"

namespace bench {

class Recording {
public:
    explicit Recording(const sj::ArrayShape &shape) : shape_(shape) {}
    const sj::ArrayShape &shape() const { return shape_; }
    void add(const sj::ArrayIn &in);
    // Every clock of the run.
    void play(sj::Array &array) const;
    std::size_t clocks() const { return clocks_.size(); }

private:
    template <class T>
    const T *keep(const T *data, std::size_t count);

    sj::ArrayShape shape_;
    std::deque<sj::ArrayIn> clocks_;
    std::deque<std::vector<uint64_t>> data_;
};

// An array that records what it is given; the recording outlives it.
std::unique_ptr<sj::Array> record(std::unique_ptr<sj::Array> array, Recording *recording);

}  // namespace bench
#endif
