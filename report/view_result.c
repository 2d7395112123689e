// SPDX-License-Identifier: Apache-2.0
// Which results of the runs are shown, and the machines that they ran on.
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

#include "sj_file.h"
#include "views_internal.h"

bool sj_view_is_skipped(const sj_stats *run) { return strncmp(run->method_state, "gradsamp skipped", strlen("gradsamp skipped")) == 0; }

char *sj_view_file(const char *path, const char *name) {
    struct stat info;
    const char *slash = strrchr(path, '/');
    const bool is_file = stat(path, &info) == 0 && S_ISREG(info.st_mode);
    const int folder = !is_file ? (int)strlen(path) : slash != NULL ? (int)(slash - path) : 0;
    const size_t size = (size_t)folder + strlen(name) + 4;
    char *text = malloc(size);
    if (text != NULL) {
        snprintf(text, size, "%.*s/%s", folder > 0 ? folder : 1, folder > 0 ? path : is_file && slash == path ? "" : ".", name);
    }
    return text;
}

// ---- machines

static bool same_sources(const sj_stats *run, const sj_prices *p) {
    bool same = run->source_count == p->source_count;
    for (int i = 0; i < p->source_count && same; i++) {
        same = strcmp(run->source_names[i], p->source_names[i]) == 0;
    }
    return same;
}

// Prices that give other energies than the results have are those of another version of the program, or of files that were changed.
static bool prices_fit(const sj_view_machine *m, const sj_stats *run) {
    for (int v = 0; v < run->variant_count; v++) {
        const sj_prices *p = &m->prices[run->variants[v].variant.machine];
        const double priced = sj_price(p, &run->variants[v].total.counts, SJ_TYPICAL).total_pj, found = run->variants[v].total.energy[SJ_TYPICAL].total_pj;
        if (!same_sources(run, p) || !(fabs(priced - found) <= 1e-9 * fabs(found))) {
            return false;
        }
    }
    return true;
}

static sj_status read_prices(const char *tech_path, sj_view_machine *m, sj_error *err) {
    sj_tech *tech = NULL;
    sj_status status = sj_tech_open(tech_path, NULL, 0, &tech, err);
    for (int i = 0; i < 3 && status == SJ_OK; i++) {
        status = sj_tech_prices(tech, &m->accel, (sj_machine)i, &m->prices[i], err);
    }
    sj_tech_close(tech);
    return status;
}

// The folder of a results' file that was moved may be another machine's. What does not stand in the results, as the DRAM, shows in the energies.
static bool is_machine_of(const sj_accel *a, const sj_stats *run) {
    return strcmp(a->name, run->accel) == 0 && a->clock_mhz == run->clock_mhz && a->rows == run->rows && a->lanes == run->lanes && a->codec == run->codec;
}

// A machine that is not known makes no error: its tables have less.
static sj_status open_machine(const sj_view_run *run, sj_view_machine *m, sj_error *err) {
    char *accel_path = sj_view_file(run->path, "config.cfg"), *tech_path = sj_view_file(run->path, "tech.cfg");
    sj_status status = SJ_OK;
    if (accel_path == NULL || tech_path == NULL) {
        status = SJ_FAIL(err, SJ_ERR_MEMORY, "%s: no memory for a file's name", run->path);
    } else if (sj_accel_open(accel_path, &m->accel, err) != SJ_OK) {
        snprintf(m->why, sizeof m->why, "%.500s", err->message);
    } else if (!is_machine_of(&m->accel, &run->steps->runs[0])) {
        snprintf(m->why, sizeof m->why, "%.200s describes another machine than the results do", accel_path);
    } else if (read_prices(tech_path, m, err) != SJ_OK) {
        snprintf(m->why, sizeof m->why, "%.500s", err->message);
    } else {
        m->priced = true;
        for (int i = 0; i < run->steps->count && m->priced; i++) {
            m->priced = prices_fit(m, &run->steps->runs[i]);
        }
        if (!m->priced) {
            snprintf(m->why, sizeof m->why, "%.200s and tech.cfg beside it give other energies than the results have", accel_path);
        }
    }
    free(accel_path);
    free(tech_path);
    return status;
}

bool sj_view_spread(const sj_view_machine *m, sj_machine machine, const sj_counters *counts, sj_spread *out) {
    if (m == NULL || !m->priced) {
        return false;
    }
    sj_price_spread(&m->prices[machine], counts, out);
    return true;
}

// ---- results

static bool is_of_kind(const sj_stats *a, const sj_stats *b) {
    return strcmp(a->mode, b->mode) == 0 && a->batch == b->batch && strcmp(a->network, b->network) == 0 && strcmp(a->selection, b->selection) == 0;
}

// Of the results of the i-th one's kind: how many there are, and the last with data; the last of all where none has any.
static int shown_of_kind(const sj_compared *c, int i, int *alike) {
    int last = i, last_with_data = -1;
    *alike = 0;
    for (int j = 0; j < c->count; j++) {
        if (is_of_kind(&c->runs[j], &c->runs[i])) {
            ++*alike;
            last = j;
            last_with_data = sj_view_is_skipped(&c->runs[j]) ? last_with_data : j;
        }
    }
    return last_with_data >= 0 ? last_with_data : last;
}

static void take_results(sj_views *v, int r) {
    const sj_compared *c = v->runs[r].steps;
    for (int i = 0; i < c->count; i++) {
        int alike;
        if (shown_of_kind(c, i, &alike) != i) {
            continue;
        }
        v->results[v->result_count++] = (sj_view_result){&v->runs[r], &v->machines[r], &c->runs[i], alike};
        if (alike > 1) {
            sj_report_note(v->report, "%s has %d results of mode %s at batch %lld; all but the tables steps and density show one, step %lld.", v->runs[r].label, alike, c->runs[i].mode,
                           (long long)c->runs[i].batch, (long long)c->runs[i].step);
        }
    }
}

sj_status sj_views_open(sj_views *v, sj_error *err) {
    uint64_t most = 1;
    void *memory;
    for (int r = 0; r < v->run_count; r++) {
        most += v->runs[r].steps != NULL ? (uint64_t)v->runs[r].steps->count : 0;
        v->whole_count += v->runs[r].whole != NULL;
    }
    SJ_TRY(sj_alloc(&memory, (uint64_t)v->run_count + 1, sizeof *v->machines, "the runs' machines", err));
    v->machines = memory;
    SJ_TRY(sj_alloc(&memory, most, sizeof *v->results, "the runs' results", err));
    v->results = memory;
    for (int r = 0; r < v->run_count; r++) {
        if (v->runs[r].steps != NULL) {
            SJ_TRY(open_machine(&v->runs[r], &v->machines[r], err));
            take_results(v, r);
        }
    }
    return SJ_OK;
}

void sj_views_close(sj_views *v) {
    free(v->machines);
    free(v->results);
}
