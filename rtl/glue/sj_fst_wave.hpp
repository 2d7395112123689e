// SPDX-License-Identifier: Apache-2.0
// Writes an FST waveform of the models of an array. Cycle c stands from time 2c (the rising edge that begins it) to 2c + 2: registers, inputs and all that follows from
// them as they are in that cycle.
#ifndef SJ_FST_WAVE_HPP
#define SJ_FST_WAVE_HPP

#include <verilated_fst_c.h>

#include "sj_rtl.hpp"

namespace sj {

class FstWave {
public:
    static constexpr bool kOn = true;

    explicit FstWave(const Wave &wave) : wave_(wave), path_(wave.path) {}

    template <class Model>
    void add(Model &model) {
        model.trace(&file_, 99);
    }
    void open() { file_.open(path_.c_str()); }
    bool is_open() const { return file_.isOpen(); }
    void close() { file_.close(); }

    bool wants(uint64_t *cycle) const {
        *cycle = wave_.now();
        return *cycle >= wave_.first && *cycle <= wave_.last;
    }
    void dump(uint64_t time) { file_.dump(time); }

private:
    Wave wave_;
    std::string path_;
    mutable VerilatedFstC file_;
};

}  // namespace sj
#endif
