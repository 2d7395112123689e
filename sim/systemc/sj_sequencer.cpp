// SPDX-License-Identifier: Apache-2.0
#include "sj_sequencer.hpp"

#include <algorithm>

namespace sj {
namespace {

bool is_single_tile(const sj_accel *accel, const sj_block &b) {
    return b.m1 - b.m0 <= accel->rows * accel->slots && b.n1 - b.n0 <= accel->lanes;
}

// Block b goes on with the accumulators of block b-1.
bool keeps_accumulators(const sj_accel *accel, const sj_job *job, int64_t b) {
    if (b == 0 || job->k == 0) {
        return false;
    }
    const sj_block &x = job->blocks[b - 1], &y = job->blocks[b];
    return x.instance == y.instance && is_single_tile(accel, x) && is_single_tile(accel, y) && x.m0 == y.m0 && x.m1 == y.m1 && x.n0 == y.n0 && x.n1 == y.n1 && x.k1 == y.k0;
}

constexpr int64_t kGap = -2;  // as a visit's `previous`: its sums have not been brought to where it begins

}  // namespace

VisitWalk::VisitWalk(const sj_accel *accel, const sj_job *job) : accel_(accel), job_(job) {
    if (job->block_count > 0) {
        m_ = job->blocks[0].m0;
        n_ = job->blocks[0].n0;
    }
}

int64_t VisitWalk::last_joined_block() const {
    int64_t b = block_;
    while (b + 1 < job_->block_count && keeps_accumulators(accel_, job_, b + 1)) {
        ++b;
    }
    return b;
}

bool VisitWalk::next(Visit *visit) {
    if (block_ == job_->block_count) {
        return false;
    }
    const sj_block &block = job_->blocks[block_];
    visit->number = count_++;
    visit->instance = block.instance;
    visit->m0 = m_;
    visit->m1 = std::min(m_ + accel_->rows * accel_->slots, block.m1);
    visit->n0 = n_;
    visit->n1 = std::min(n_ + accel_->lanes, block.n1);
    visit->first_block = block_;
    visit->last_block = last_joined_block();
    visit->k_end = job_->blocks[visit->last_block].k1;
    visit->is_final = visit->k_end == job_->k;
    visit->opens_block = m_ == block.m0 && n_ == block.n0;
    visit->closes_block = visit->m1 == block.m1 && visit->n1 == block.n1;
    set_previous(visit);
    advance(block);
    return true;
}

void VisitWalk::set_previous(Visit *visit) {
    const auto tile = std::make_tuple(visit->instance, visit->m0, visit->n0);
    const auto found = open_.find(tile);
    const int64_t k0 = job_->blocks[block_].k0, reached = found != open_.end() ? found->second.k_end : 0;
    visit->previous = k0 == 0 ? -1 : k0 == reached ? found->second.visit : kGap;
    if (visit->is_final) {
        open_.erase(tile);
    } else {
        open_[tile] = {visit->number, visit->k_end};
    }
}

// n outer, m inner.
void VisitWalk::advance(const sj_block &block) {
    m_ += accel_->rows * accel_->slots;
    if (m_ >= block.m1) {
        m_ = block.m0;
        n_ += accel_->lanes;
    }
    if (n_ >= block.n1) {
        block_ = last_joined_block() + 1;
        if (block_ < job_->block_count) {
            m_ = job_->blocks[block_].m0;
            n_ = job_->blocks[block_].n0;
        }
    }
}

StepWalk::StepWalk(const sj_accel *accel, const sj_job *job) : accel_(accel), job_(job), visits_(accel, job) {
    over_ = job->k == 0 || !visits_.next(&place_.visit);
    if (!over_) {
        enter_block(place_.visit.first_block);
    }
}

void StepWalk::enter_block(int64_t block) {
    place_.block = block;
    set_step(job_->blocks[block].k0);
}

void StepWalk::set_step(int64_t k0) {
    const sj_block &block = job_->blocks[place_.block];
    place_.k0 = k0;
    place_.k1 = std::min(k0 + accel_->k_tile, block.k1);
    place_.visit_first = place_.block == place_.visit.first_block && k0 == block.k0;
    place_.visit_last = place_.block == place_.visit.last_block && place_.k1 == block.k1;
}

void StepWalk::pop() {
    if (place_.k1 < job_->blocks[place_.block].k1) {
        set_step(place_.k1);
    } else if (place_.block < place_.visit.last_block) {
        enter_block(place_.block + 1);
    } else if (visits_.next(&place_.visit)) {
        enter_block(place_.visit.first_block);
    } else {
        over_ = true;
    }
}

sj_status check_order(const sj_accel *accel, const sj_job *job, sj_error *err) {
    VisitWalk walk(accel, job);
    Visit visit;
    while (walk.next(&visit)) {
        if (visit.previous == kGap) {
            return SJ_FAIL(err, SJ_ERR_INTERNAL, "layer %s, %s: block %lld starts at k %lld of an output tile that no block has brought that far", job->layer,
                           sj_phase_name(job->phase), static_cast<long long>(visit.first_block), static_cast<long long>(job->blocks[visit.first_block].k0));
        }
    }
    return SJ_OK;
}

}  // namespace sj
