// SPDX-License-Identifier: Apache-2.0
// run_system of sj_array.hpp with a clock of one's own choice. Resting changes no outcome: tests compare the two.
#ifndef SJ_SYSTEM_HPP
#define SJ_SYSTEM_HPP

#include "sj_array.hpp"

namespace sj {

// Edges that the array is given after it can no longer change, before its clock rests: longer than its pipeline, so that its registers have settled.
constexpr uint64_t kSettleEdges = kPipeline + 2;

// settle_edges: edges that the array is still given when nothing is left that it could do; at least kSettleEdges. A number beyond the longest wait never lets it rest.
sj_status run_system_settling(ArrayFactory factory, uint64_t settle_edges, const sj_accel *accel, sj_variant variant, const sj_job *job, sj_outcome *out, void *results,
                              sj_error *err);

}  // namespace sj
#endif
