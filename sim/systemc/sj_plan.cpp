// SPDX-License-Identifier: Apache-2.0
#include "sj_plan.hpp"

#include <algorithm>
#include <map>
#include <tuple>

#include "sj_arith.hpp"
#include "sj_traffic.hpp"

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

using TileMap = std::map<std::tuple<int64_t, int64_t, int64_t>, int64_t>;  // (instance, m0, n0) -> last visit

sj_status add_visit(const sj_job *job, int64_t b, const Visit &tile, TileMap *last, Plan *plan, sj_error *err) {
    Visit visit = tile;
    const auto found = last->find({tile.instance, tile.m0, tile.n0});
    const int64_t k0 = job->blocks[b].k0;
    if (k0 > 0) {
        if (found == last->end() || plan->visits[to_size(found->second)].k_end != k0) {
            return SJ_FAIL(err, SJ_ERR_INTERNAL, "layer %s, %s: block %lld starts at k %lld of an output tile that no block has brought that far", job->layer,
                           sj_phase_name(job->phase), static_cast<long long>(b), static_cast<long long>(k0));
        }
        visit.previous = found->second;
    }
    (*last)[{tile.instance, tile.m0, tile.n0}] = static_cast<int64_t>(plan->visits.size());
    plan->visits.push_back(visit);
    return SJ_OK;
}

sj_status plan_visits(const sj_accel *accel, const sj_job *job, Plan *plan, sj_error *err) {
    TileMap last;
    for (int64_t b = 0; b < job->block_count; ++b) {
        const sj_block &block = job->blocks[b];
        if (keeps_accumulators(accel, job, b)) {
            Visit &visit = plan->visits.back();
            visit.last_block = b;
            visit.k_end = block.k1;
            plan->blocks[to_size(b)].first_visit = static_cast<int64_t>(plan->visits.size()) - 1;
            continue;
        }
        plan->blocks[to_size(b)].first_visit = static_cast<int64_t>(plan->visits.size());
        for (int64_t n = block.n0; n < block.n1; n += accel->lanes) {
            for (int64_t m = block.m0; m < block.m1; m += accel->rows * accel->slots) {
                const Visit tile = {block.instance, m, std::min(m + accel->rows * accel->slots, block.m1), n, std::min(n + accel->lanes, block.n1), b, b, block.k1, -1, false};
                SJ_TRY(add_visit(job, b, tile, &last, plan, err));
            }
        }
    }
    return SJ_OK;
}

void plan_output_bus(const sj_accel *accel, const sj_job *job, Plan *plan) {
    plan->fills_behind.resize(plan->visits.size());
    for (size_t t = 0; t < plan->visits.size(); ++t) {
        Visit &visit = plan->visits[t];
        visit.is_final = visit.k_end == job->k;
        BlockPlan &block = plan->blocks[to_size(visit.last_block)];
        block.last_drain = static_cast<int64_t>(t);
        if (block.first_drain < 0) {
            block.first_drain = static_cast<int64_t>(t);
        }
        if (visit.previous >= 0) {
            plan->fills_behind[to_size(std::max(static_cast<int64_t>(t) - accel->acc_banks, visit.previous))].push_back(static_cast<int64_t>(t));
        }
    }
}

bool moves_bytes(const sj_job *job, sj_codec codec, const sj_block &block, bool is_store) {
    const int first = is_store ? block.store_first : block.load_first;
    const int count = is_store ? block.store_count : block.load_count;
    for (int s = first; s < first + count; ++s) {
        const sj_segment &segment = job->segments[s];
        const sj_stream &stream = job->streams[segment.stream];
        const Span moved = stream_is_coded(stream, codec) ? segment_groups(stream, segment, is_store) : segment_bursts(stream, segment, is_store);
        if (!moved.empty()) {
            return true;
        }
    }
    return false;
}

void enqueue(const sj_job *job, sj_codec codec, int64_t b, bool is_store, Plan *plan) {
    if (b >= job->block_count || !moves_bytes(job, codec, job->blocks[b], is_store)) {
        return;
    }
    plan->queue.push_back({b, is_store});
    BlockPlan &block = plan->blocks[to_size(b)];
    (is_store ? block.store_end : block.load_end) = static_cast<int64_t>(plan->queue.size());
}

void plan_queue(sj_codec codec, const sj_job *job, Plan *plan) {
    if (job->array_only) {
        return;
    }
    enqueue(job, codec, 0, false, plan);
    enqueue(job, codec, 1, false, plan);
    for (int64_t b = 0; b < job->block_count; ++b) {
        enqueue(job, codec, b + 2, false, plan);
        enqueue(job, codec, b, true, plan);
    }
}

}  // namespace

sj_status make_plan(const sj_accel *accel, sj_variant variant, const sj_job *job, Plan *plan, sj_error *err) {
    plan->blocks.assign(to_size(job->block_count), BlockPlan{0, -1, -1, 0, 0});
    if (job->is_product) {
        SJ_TRY(plan_visits(accel, job, plan, err));
        plan_output_bus(accel, job, plan);
    }
    plan_queue(variant.codec, job, plan);
    return SJ_OK;
}

}  // namespace sj
