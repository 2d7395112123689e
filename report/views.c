// SPDX-License-Identifier: Apache-2.0
#include "views_internal.h"

typedef struct view {
    sj_status (*add)(const sj_views *v, sj_error *err);
} view;

#define STEPS "simulated steps (sim -o)"
#define WHOLE "a whole run (sim --whole-run -o)"

const sj_view_key sj_view_keys[] = {
    {"summary", "runs"},
    {"machines", "runs"},
    {"comparison", STEPS " that are like the first run's: the same mode, batch, network, data set and layers"},
    {"saving_sources", "two machines or codecs"},
    {"savings", "the machines gate and skip"},
    {"layers", "runs"},
    {"components", "runs"},
    {"joules", "runs"},
    {"density", "steps of a network, or " WHOLE},
    {"roofline", STEPS " with products"},
    {"accuracy_energy", "runs of one data set, of all layers and phases, with a metrics.csv beside their traces"},
    {"steps", STEPS ", several of a RUN (sim --all-steps)"},
    {"whole", WHOLE},
    {"epochs", WHOLE},
    {"states", WHOLE},
    {"target", WHOLE " of all layers and phases, and --target-accuracy"},
    {"config", "runs"},
    {"provenance", "runs"},
};

static const view views[] = {
    {sj_view_summary}, {sj_view_machines},        {sj_view_comparison}, {sj_view_saving_sources}, {sj_view_savings}, {sj_view_layers}, {sj_view_components}, {sj_view_joules},     {sj_view_density},
    {sj_view_roofline}, {sj_view_accuracy_energy}, {sj_view_steps},      {sj_view_whole},          {sj_view_epochs},  {sj_view_states}, {sj_view_target},     {sj_view_config},     {sj_view_provenance},
};

const int sj_view_key_count = (int)(sizeof sj_view_keys / sizeof sj_view_keys[0]);
_Static_assert(sizeof views / sizeof views[0] == sizeof sj_view_keys / sizeof sj_view_keys[0], "a builder a key");

sj_status sj_views_add(sj_report *r, const sj_view_run *runs, int count, const sj_view_options *options, sj_error *err) {
    sj_views v = {.report = r, .runs = runs, .run_count = count, .options = options};
    sj_status status = sj_views_open(&v, err);
    if (status == SJ_OK && count > 1 && (v.whole_count == 0 || v.whole_count == count)) {  // of both kinds each table names its own
        sj_report_note(r, "The first run, %s, is the baseline.", runs[0].label);
    }
    for (int i = 0; i < sj_view_key_count && status == SJ_OK; i++) {
        status = views[i].add(&v, err);
    }
    sj_views_close(&v);
    return status;
}
