// SPDX-License-Identifier: Apache-2.0
// Each module's assertions on its protocol: a legal use passes, a violation ends the program with its sentence. Every case runs in a process of its own.
#include <sys/wait.h>
#include <unistd.h>

#include <cstdio>
#include <cstring>
#include <string>

#include <verilated.h>

#include "Va_pad.h"
#include "Vaccumulators.h"
#include "Vb_pad_odd.h"
#include "Vdrain.h"
#include "Vmask_store.h"
#include "Vselect.h"
#include "Vstep_control.h"
#include "bench.hpp"

namespace {

template <class Model>
void reset(Model &m) {
    m.rst_ni = 0;
    bench::edge(m);
    m.rst_ni = 1;
    bench::edge(m);
}

void a_pad(bool wrong) {
    Va_pad m;
    m.eval();
    m.we_i = 1;
    m.count_i = 8;
    m.offset_i = wrong ? 33 : 32;  // of 40
    bench::edge(m);
}
void b_pad(bool wrong) {
    Vb_pad_odd m;
    m.eval();
    m.we_i = 1;
    m.k_i = wrong ? 24 : 23;  // of 24
    bench::edge(m);
}
void mask_store(bool wrong) {
    Vmask_store m;
    reset(m);
    m.we_i = 1;
    bench::edge(m);
    m.buffer_i = wrong ? 0 : 1;
    bench::edge(m);
}
void accumulators_fill(bool wrong) {
    Vaccumulators m;
    reset(m);
    m.we_i = 1;
    bench::edge(m);
    m.we_i = 0;
    m.fill_i = 1;
    m.fill_slot_i = wrong ? 0 : 1;
    bench::edge(m);
}
void accumulators_clear(bool wrong) {
    Vaccumulators m;
    reset(m);
    m.we_i = m.clear_i = 1;
    m.clear_bank_i = wrong ? 0 : 1;
    bench::edge(m);
}
void step_control(bool wrong) {
    Vstep_control m;
    reset(m);
    m.commit_i = m.visit_first_i = 1;
    m.rows_valid_i = 1;
    for (int i = 0; i < (wrong ? 3 : 2); i++) bench::edge(m);
}
void step_control_rows(bool wrong) {
    Vstep_control m;
    reset(m);
    m.commit_i = m.visit_first_i = 1;
    m.rows_valid_i = wrong ? 0 : 1;
    bench::edge(m);
}
void drain(bool wrong) {
    Vdrain m;
    reset(m);
    m.start_i = 1;
    m.rows_i = 1;
    m.beats_i = 2;
    bench::edge(m);
    m.start_i = wrong;
    bench::edge(m);
}
void drain_empty(bool wrong) {
    Vdrain m;
    reset(m);
    m.start_i = 1;
    m.beats_i = 1;
    m.rows_i = wrong ? 0 : 1;
    bench::edge(m);
}
void select_work(bool wrong) {
    Vselect m;
    reset(m);
    m.active_i = 1;
    m.has_work_i = 1;
    m.any_b_i = 6;
    m.mask_i = wrong ? 8 : 10;
    bench::edge(m);
}

struct Case {
    void (*run)(bool wrong);
    const char *sentence;
};
const Case kCases[] = {{a_pad, "A beat of A values runs over the end of the flat pad."},
                       {b_pad, "A B vector is written beyond the k-step."},
                       {mask_store, "Masks are written over those of a step that has not ended."},
                       {accumulators_fill, "A slot is filled that still holds sums."},
                       {accumulators_clear, "A bank is cleared while the adder still writes to it."},
                       {step_control, "A step is committed while two steps are in flight."},
                       {step_control_rows, "A step without A rows is committed."},
                       {drain, "A drain begins while another one is under way."},
                       {select_work, "A slot counts as having work without a mask bit at a nonzero B."},
                       {drain_empty, "A drain without rows or beats begins."}};

// What a child that runs the case prints, and whether it ended well.
std::string output_of(const Case &c, bool wrong, bool *well) {
    int ends[2];
    if (pipe(ends) != 0) return "no pipe";
    std::fflush(stdout);
    const pid_t child = fork();
    if (child == 0) {
        dup2(ends[1], STDOUT_FILENO);
        dup2(ends[1], STDERR_FILENO);
        c.run(wrong);
        std::fflush(stdout);
        _exit(0);
    }
    close(ends[1]);
    std::string text;
    char buffer[512];
    for (ssize_t n; (n = read(ends[0], buffer, sizeof buffer)) > 0;) text.append(buffer, static_cast<std::size_t>(n));
    close(ends[0]);
    int state = -1;
    waitpid(child, &state, 0);
    *well = state == 0;
    return text;
}

}  // namespace

int main() {
    bench::Checker checker;
    for (const Case &c : kCases) {
        bool well = false;
        const std::string legal = output_of(c, false, &well);
        const bool quiet = well && legal.find("Assertion failed") == std::string::npos;
        const std::string caught = output_of(c, true, &well);
        const bool fires = !well && caught.find(c.sentence) != std::string::npos;
        std::printf("%s: legal %s, violated %s\n", c.sentence, quiet ? "passes" : legal.c_str(), fires ? "fires" : caught.c_str());
        checker.expect("legal use passes", 0, quiet, 1);
        checker.expect("violation fires", 0, fires, 1);
    }
    return checker.result();
}
