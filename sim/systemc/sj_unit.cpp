// SPDX-License-Identifier: Apache-2.0
#include "sj_unit.hpp"

#include <algorithm>
#include <new>

#include "sj_milestone.hpp"

namespace sj {

uint64_t Run::now() const { return sc_core::sc_time_stamp().value() / 2 - start_cycle; }

void Run::ends_at(uint64_t cycle) { end_cycle = std::max(end_cycle, cycle); }

void Run::fail(sj_status failure, const char *what) {
    if (status == SJ_OK) {
        status = SJ_FAIL(err, failure, "layer %s, %s: %s", job->layer, sj_phase_name(job->phase), what);
    }
}

Unit::Unit(const sc_core::sc_module_name &name) : sc_core::sc_module(name) {
    SC_HAS_PROCESS(Unit);
    SC_THREAD(serve);
}

void Unit::arm(Run *run, const sc_core::sc_time &delay) {
    run_ = run;
    finished_ = false;
    armed_.notify(delay);
}

void Unit::serve() {
    for (;;) {
        wait(armed_);
        try {
            work();
        } catch (const Abandoned &) {
            run_->fail(SJ_ERR_INTERNAL, "the simulated system stopped before the job was over");
        } catch (const std::bad_alloc &) {
            run_->fail(SJ_ERR_MEMORY, "out of memory in the simulated system");
        }
        finished_ = true;
    }
}

}  // namespace sj
