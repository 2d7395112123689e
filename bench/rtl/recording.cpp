// SPDX-License-Identifier: Apache-2.0
#include "recording.hpp"

#include <cstring>

namespace bench {

template <class T>
const T *Recording::keep(const T *data, std::size_t count) {
    if (data == nullptr) return nullptr;
    data_.emplace_back(count * sizeof(T) / sizeof(uint64_t) + 1);
    std::memcpy(data_.back().data(), data, count * sizeof(T));
    return reinterpret_cast<const T *>(data_.back().data());
}

void Recording::add(const sj::ArrayIn &in) {
    const auto words = static_cast<std::size_t>((shape_.k_tile + 63) / 64);
    clocks_.push_back(in);
    sj::ArrayIn &c = clocks_.back();
    if (in.mask_write) c.mask = keep(in.mask, words * static_cast<std::size_t>(shape_.slots));
    if (in.flag_write) c.flag = keep(in.flag, words);
    if (in.a_write) {
        c.a_data = keep(in.a_data, static_cast<std::size_t>(in.a_count));
        c.a_in_range = keep(in.a_in_range, static_cast<std::size_t>(in.a_count));
    }
    if (in.b_write) {
        c.b_data = keep(in.b_data, static_cast<std::size_t>(in.b_count));
        c.b_in_range = keep(in.b_in_range, static_cast<std::size_t>(in.b_count));
    }
    if (in.fill_write) c.fill_data = keep(in.fill_data, static_cast<std::size_t>(shape_.lanes));
}

void Recording::play(sj::Array &array) const {
    for (const sj::ArrayIn &in : clocks_) array.clock(in);
}

namespace {

class Recorder final : public sj::Array {
public:
    Recorder(std::unique_ptr<sj::Array> array, Recording *recording) : array_(std::move(array)), recording_(*recording) {}
    const sj::ArrayOut &out() const override { return array_->out(); }
    sj::ArrayCounts counts() const override { return array_->counts(); }
    void clock(const sj::ArrayIn &in) override {
        recording_.add(in);
        array_->clock(in);
    }

private:
    std::unique_ptr<sj::Array> array_;
    Recording &recording_;
};

}  // namespace

std::unique_ptr<sj::Array> record(std::unique_ptr<sj::Array> array, Recording *recording) { return std::make_unique<Recorder>(std::move(array), recording); }

}  // namespace bench
