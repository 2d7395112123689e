// SPDX-License-Identifier: Apache-2.0
// The group "strategy" of a sweep file.
#include "sj_strategy.h"

const char *const sj_strategy_names[SJ_STRATEGY_COUNT + 1] = {"grid", "random", "sobol", "nsga2", NULL};

static const char drawn[] = "kind = \"random\", \"sobol\" and \"nsga2\"", evolved[] = "kind = \"nsga2\"";

// Has the key a meaning? Where it has none it is refused, if it is given at all, and asked for, so that it is not told as an unknown key as well.
static bool belongs(sj_config *c, const char *path, bool meaning, const char *owner) {
    if (!meaning && sj_config_has(c, path) && !sj_config_failed(c, "strategy.kind")) {
        sj_config_error(c, SJ_CFG_RANGE, path, "\"%s\" has no meaning here; it belongs to %s", path, owner);
    }
    return meaning;
}

static int64_t read_int(sj_config *c, const char *path, bool meaning, const char *owner, sj_need need, int64_t fallback, int64_t min, int64_t max) {
    if (belongs(c, path, meaning, owner)) {
        return sj_config_int(c, path, need, fallback, min, max);
    }
    (void)sj_config_int(c, path, SJ_OPTIONAL, 0, INT64_MIN, INT64_MAX);
    return 0;
}

static double read_probability(sj_config *c, const char *path, bool meaning, double fallback) {
    if (belongs(c, path, meaning, evolved)) {
        return sj_config_float(c, path, SJ_OPTIONAL, fallback, 0.0, 1.0);
    }
    (void)sj_config_float(c, path, SJ_OPTIONAL, 0.0, -1e300, 1e300);
    return 0.0;
}

void sj_strategy_read(sj_config *c, sj_strategy_options *out) {
    *out = (sj_strategy_options){.kind = SJ_STRATEGY_GRID};
    if (!sj_config_group(c, "strategy")) {
        return;  // left out, or told as no group
    }
    out->kind = (sj_strategy_kind)sj_config_enum(c, "strategy.kind", SJ_REQUIRED, SJ_STRATEGY_GRID, sj_strategy_names);
    const bool draws = out->kind != SJ_STRATEGY_GRID, evolves = out->kind == SJ_STRATEGY_NSGA2;
    out->points = (uint64_t)read_int(c, "strategy.points", draws, drawn, SJ_REQUIRED, 1, 1, INT64_MAX);
    out->seed = (uint64_t)read_int(c, "strategy.seed", draws, drawn, SJ_OPTIONAL, 1, 0, INT64_MAX);
    out->population = (int)read_int(c, "strategy.population", evolves, evolved, SJ_REQUIRED, 4, 4, 10000);
    out->crossover = read_probability(c, "strategy.crossover", evolves, 0.9);
    out->mutation = read_probability(c, "strategy.mutation", evolves, 0.0);
    if (evolves && out->population % 2 != 0) {
        sj_config_error(c, SJ_CFG_RANGE, "strategy.population", "\"strategy.population\" is %d; it must be even", out->population);
    }
}
