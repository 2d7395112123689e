// SPDX-License-Identifier: Apache-2.0
// The system: one set of modules for the whole process, armed anew for every job.
#include <cstdlib>
#include <exception>
#include <new>
#include <stdexcept>

#include "sj_arith.hpp"
#include "sj_clocked_array.hpp"
#include "sj_dram_channel.hpp"
#include "sj_loader.hpp"
#include "sj_output_path.hpp"
#include "sj_system.hpp"
#include "sj_vector_unit.hpp"

// SystemC's library asks for it; our main stands in cli/ and in the tests.
int sc_main(int, char **) { return 0; }

namespace sj {
namespace {

class System : public sc_core::sc_module {
public:
    explicit System(const sc_core::sc_module_name &name);
    void execute(Run *run);

private:
    void arm(Run *run);
    bool finished() const;

    bool broken_ = false;
    Milestone loads_done_{"loads_done"}, stores_done_{"stores_done"};
    Milestone blocks_fed_{"blocks_fed"}, blocks_drained_{"blocks_drained"}, blocks_computed_{"blocks_computed"};
    Milestone steps_done_{"steps_done"}, visits_done_{"visits_done"};
    Milestone *const milestones_[7] = {&loads_done_, &stores_done_, &blocks_fed_, &blocks_drained_, &blocks_computed_, &steps_done_, &visits_done_};
    DramChannel dram_{"dram"};
    Loader loader_{"loader"};
    OutputPath output_path_{"output_path"};
    VectorUnit vector_unit_{"vector_unit"};
    ClockedArray array_{"array"};
    Unit *const units_[4] = {&dram_, &loader_, &output_path_, &vector_unit_};
};

System::System(const sc_core::sc_module_name &name) : sc_core::sc_module(name) {
    dram_.loads_done(loads_done_);
    dram_.stores_done(stores_done_);
    dram_.blocks_fed(blocks_fed_);
    dram_.blocks_drained(blocks_drained_);
    dram_.blocks_computed(blocks_computed_);
    loader_.clock(array_.clock);
    loader_.steps_done(steps_done_);
    loader_.loads_done(loads_done_);
    loader_.blocks_fed(blocks_fed_);
    output_path_.clock(array_.clock);
    output_path_.visits_done(visits_done_);
    output_path_.stores_done(stores_done_);
    output_path_.blocks_drained(blocks_drained_);
    vector_unit_.loads_done(loads_done_);
    vector_unit_.stores_done(stores_done_);
    vector_unit_.blocks_computed(blocks_computed_);
    array_.drivers(loader_.driver);
    array_.drivers(output_path_.driver);
    array_.steps_done(steps_done_);
    array_.visits_done(visits_done_);
}

void System::arm(Run *run) {
    for (Milestone *milestone : milestones_) {
        milestone->reset();
    }
    const uint64_t now = sc_core::sc_time_stamp().value();
    run->start_cycle = now / 2 + 1;
    array_.arm(run);
    for (Unit *unit : units_) {
        unit->arm(run, sc_core::sc_time::from_value(2 * run->start_cycle - now));
    }
}

bool System::finished() const {
    for (const Unit *unit : units_) {
        if (!unit->finished()) {
            return false;
        }
    }
    return true;
}

// Runs until nothing is left to happen. Units that still wait then wait for each other: they are called off, so that the next job finds them ready.
void System::execute(Run *run) {
    if (broken_) {
        throw std::runtime_error("an earlier job of this process ended in an error of SystemC");
    }
    broken_ = true;  // until it is known to have ended well
    arm(run);
    sc_core::sc_start();
    if (!finished()) {
        for (Milestone *milestone : milestones_) {
            milestone->abandon();
        }
        sc_core::sc_start();
    }
    broken_ = !finished();
}

// Never destroyed: SystemC keeps modules for the life of the process.
System *the_system() {
    static System *system = nullptr;
    if (system == nullptr) {
        setenv("SC_COPYRIGHT_MESSAGE", "DISABLE", 1);
        system = new System("skipjoule");
    }
    return system;
}

ArrayShape shape_of(const sj_accel *accel, sj_machine machine) {
    ArrayShape shape = {};
    shape.rows = static_cast<int>(accel->rows);
    shape.lanes = static_cast<int>(accel->lanes);
    shape.slots = static_cast<int>(accel->slots);
    shape.k_tile = static_cast<int>(accel->k_tile);
    shape.acc_banks = static_cast<int>(accel->acc_banks);
    shape.dtype = accel->dtype;
    shape.machine = machine;
    return shape;
}

sj_status check_dram(const sj_accel *accel, sj_error *err) {
    const int64_t interval = sj_accel_cycles_from_ns(accel, accel->dram->refresh_interval_ns);
    const int64_t window = sj_accel_cycles_from_ns(accel, accel->dram->refresh_window_ns);
    if (interval <= window) {
        return SJ_FAIL(err, SJ_ERR_RANGE, "clock_mhz = %g: a refresh of DRAM type %s takes %lld core cycles of every %lld, so that no transfer would end; use a faster clock",
                       accel->clock_mhz, accel->dram->name, static_cast<long long>(window), static_cast<long long>(interval));
    }
    return SJ_OK;
}

void take_array_counts(const ArrayCounts &a, sj_counters *counts) {
    counts->mac_active = a.mac_active;
    counts->mac_zero = a.mac_zero;
    counts->mac_gated = a.mac_gated;
    counts->mac_idle = a.mac_idle;
    counts->mac_change = a.mac_change;
    counts->acc_read = a.acc_read;
    counts->acc_write = a.acc_write;
    counts->a_pad_read = a.a_pad_read;
    counts->a_pad_write = a.a_pad_write;
    counts->b_pad_read = a.b_pad_read;
    counts->b_pad_write = a.b_pad_write;
    counts->mask_scan = a.mask_scan;
}

uint64_t refreshes_before(const sj_accel *accel, uint64_t cycles) {
    const uint64_t interval = to_count(sj_accel_cycles_from_ns(accel, accel->dram->refresh_interval_ns));
    const uint64_t first = interval / 2;
    return cycles > first ? (cycles - first + interval - 1) / interval : 0;
}

sj_status account_macs(const sj_job *job, uint64_t total, sj_outcome *out, sj_error *err) {
    uint64_t all = 0;
    if (__builtin_mul_overflow(to_count(job->m), to_count(job->n), &all) || __builtin_mul_overflow(all, to_count(job->k), &all) ||
        __builtin_mul_overflow(all, to_count(sj_job_instances(job)), &all)) {
        return SJ_FAIL(err, SJ_ERR_RANGE, "layer %s, %s: instances * m * n * k does not fit 64 bits", job->layer, sj_phase_name(job->phase));
    }
    const uint64_t issued = out->counts.mac_active + out->counts.mac_zero + out->counts.mac_gated;
    if (total > all || issued > total) {
        return SJ_FAIL(err, SJ_ERR_INTERNAL, "layer %s, %s: %llu MACs issued, %llu in range, %llu in the product", job->layer, sj_phase_name(job->phase),
                       static_cast<unsigned long long>(issued), static_cast<unsigned long long>(total), static_cast<unsigned long long>(all));
    }
    out->macs_total = total;
    out->macs_active = out->counts.mac_active;
    out->macs_zero = out->counts.mac_zero;
    out->macs_gated = out->counts.mac_gated;
    out->macs_skipped = total - issued;
    out->macs_padding = all - total;
    return SJ_OK;
}

sj_status take_outcome(const Run &run, sj_outcome *out) {
    *out = sj_outcome{};
    out->cycles = run.end_cycle;
    out->counts = run.counts;
    out->busy_work = run.busy_vector;
    if (run.array != nullptr) {
        const ArrayCounts counts = run.array->counts();
        take_array_counts(counts, &out->counts);
        out->busy_work = counts.busy_work;
    }
    out->busy_a = run.busy_a;
    out->busy_b = run.busy_b;
    out->busy_drain = run.busy_drain;
    out->busy_dram = run.busy_dram;
    if (!run.job->array_only) {
        out->counts.dram_refresh = refreshes_before(run.accel, run.end_cycle);
        out->counts.dram_background = run.end_cycle;
    }
    out->counts.clock = out->counts.leakage = run.end_cycle;
    return run.job->is_product ? account_macs(run.job, run.macs_total, out, run.err) : SJ_OK;
}

sj_status run_job(ArrayFactory factory, Run *run, sj_outcome *out) {
    SJ_TRY(check_dram(run->accel, run->err));
    std::unique_ptr<Array> array;
    if (run->job->is_product) {
        SJ_TRY(check_order(run->accel, run->job, run->err));
        array = factory(shape_of(run->accel, run->variant.machine), run->err);
        if (!array) {
            return run->err->status;
        }
        run->array = array.get();
    }
    the_system()->execute(run);
    if (run->status != SJ_OK) {
        return run->status;
    }
    if (array && array->out().overflow) {
        return SJ_FAIL(run->err, SJ_ERR_NUMERIC, "layer %s, %s: an fp32 sum became infinite", run->job->layer, sj_phase_name(run->job->phase));
    }
    return take_outcome(*run, out);
}

}  // namespace

sj_status run_system_settling(ArrayFactory factory, uint64_t settle_edges, const sj_accel *accel, sj_variant variant, const sj_job *job, sj_outcome *out, void *results,
                              sj_error *err) {
    Run run;
    run.accel = accel;
    run.variant = variant;
    run.job = job;
    run.results = results;
    run.err = err;
    run.settle_edges = settle_edges;
    try {
        return run_job(factory, &run, out);
    } catch (const std::bad_alloc &) {
        return SJ_FAIL(err, SJ_ERR_MEMORY, "layer %s, %s: out of memory in the simulated system", job->layer, sj_phase_name(job->phase));
    } catch (const std::exception &e) {
        return SJ_FAIL(err, SJ_ERR_INTERNAL, "layer %s, %s: SystemC: %s", job->layer, sj_phase_name(job->phase), e.what());
    }
}

sj_status run_system(ArrayFactory factory, const sj_accel *accel, sj_variant variant, const sj_job *job, sj_outcome *out, void *results, sj_error *err) {
    return run_system_settling(factory, kSettleEdges, accel, variant, job, out, results, err);
}

}  // namespace sj

extern "C" sj_status sj_systemc_run(const sj_accel *accel, sj_variant variant, const sj_job *job, sj_outcome *out, void *results, sj_error *err) {
    return sj::run_system(sj::make_model_array, accel, variant, job, out, results, err);
}
