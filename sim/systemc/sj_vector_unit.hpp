// SPDX-License-Identifier: Apache-2.0
// The vector unit: elementwise jobs, block after block (docs/timing.md section 7).
#ifndef SJ_VECTOR_UNIT_HPP
#define SJ_VECTOR_UNIT_HPP

#include "sj_milestone.hpp"
#include "sj_unit.hpp"

namespace sj {

class VectorUnit : public Unit {
public:
    explicit VectorUnit(const sc_core::sc_module_name &name);

    sc_core::sc_port<MilestoneIf> loads_done, stores_done, blocks_computed;

private:
    void work() override;
};

}  // namespace sj
#endif
