// SPDX-License-Identifier: Apache-2.0
// A unit of the system: a thread that works through one job each time it is armed. Modules can only be built before simulated time starts, so one system is
// built once and serves all jobs of the process.
#ifndef SJ_UNIT_HPP
#define SJ_UNIT_HPP

#include <cstdint>
#include <systemc>

#include "sj_system.hpp"

namespace sj {

// One job on its way through the system. Every unit counts what it does itself.
struct Run {
    const sj_accel *accel = nullptr;
    sj_variant variant = {};
    const sj_job *job = nullptr;
    void *results = nullptr;
    sj_error *err = nullptr;
    sj_status status = SJ_OK;

    Array *array = nullptr;     // products only
    uint64_t settle_edges = kSettleEdges;
    uint64_t start_cycle = 0;   // of the simulation
    uint64_t end_cycle = 0;     // of the job: the latest end so far

    sj_counters counts = {};
    uint64_t macs_total = 0;
    uint64_t busy_a = 0, busy_b = 0, busy_drain = 0, busy_dram = 0, busy_vector = 0;

    uint64_t now() const;                           // cycle of the job
    void ends_at(uint64_t cycle);
    void fail(sj_status failure, const char *what); // the first failure stays
};

class Unit : public sc_core::sc_module {
public:
    void arm(Run *run, const sc_core::sc_time &delay);
    bool finished() const { return finished_; }

protected:
    explicit Unit(const sc_core::sc_module_name &name);
    virtual void work() = 0;

    Run *run_ = nullptr;

private:
    void serve();

    sc_core::sc_event armed_;
    bool finished_ = true;
};

}  // namespace sj
#endif
