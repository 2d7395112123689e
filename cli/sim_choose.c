// SPDX-License-Identifier: Apache-2.0
// Which layers and phases of the step are run, and what of them is drawn.
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "sj_cli.h"
#include "sj_config.h"
#include "sj_file.h"
#include "sj_hash.h"
#include "sj_map.h"
#include "sj_sim.h"

bool sj_sim_is_chosen(const sj_sim_options *o, const sj_unit *unit) { return sj_selection_has(&(sj_selection){o->layer_count, (const char *const *)o->layers, o->phase}, unit); }

bool sj_sim_part_has(const sj_sim_part *part, const sj_unit *unit) {
    return (part->layer[0] == '\0' || strcmp(part->layer, unit->layer) == 0) && (part->phase < 0 || (int)unit->phase == part->phase);
}

sj_status sj_sim_check_layers(const sj_sim_options *o, const sj_trace *trace, sj_error *err) {
    const char *const timeline[] = {o->timeline_part.layer}, *const wave[] = {o->wave_part.layer};
    SJ_TRY(sj_selection_check("--layer", (const char *const *)o->layers, o->layer_count, trace, err));
    SJ_TRY(sj_selection_check("--timeline-layer", timeline, timeline[0][0] != '\0' ? 1 : 0, trace, err));
    return sj_selection_check("--wave-layer", wave, wave[0][0] != '\0' ? 1 : 0, trace, err);
}

// Of all names, each with its end.
static uint64_t hash_of_layers(const sj_sim_options *o) {
    uint64_t hash = SJ_HASH_START;
    for (int i = 0; i < o->layer_count; i++) {
        hash = sj_hash_bytes(hash, o->layers[i], strlen(o->layers[i]) + 1);
    }
    return hash;
}

// The first names that leave room for `rest`; returns how many.
static int write_layers(const sj_sim_options *o, const char *rest, char *text, size_t size) {
    size_t used = 0;
    for (int i = 0; i < o->layer_count; i++) {
        const char *before = i == 0 ? "layer " : ",";
        if (used + strlen(before) + strlen(o->layers[i]) + strlen(rest) >= size) {
            return i;
        }
        used += (size_t)snprintf(text + used, size - used, "%s%s", before, o->layers[i]);
    }
    return o->layer_count;
}

void sj_sim_describe_selection(const sj_sim_options *o, char *text, size_t size) {
    char phase[32] = "", rest[96];
    if (o->phase >= 0) {
        snprintf(phase, sizeof phase, "%sphase %s", o->layer_count > 0 ? " " : "", sj_phase_name((sj_phase)o->phase));
    }
    text[0] = '\0';
    snprintf(rest, sizeof rest, "%s", phase);
    if (write_layers(o, rest, text, size) < o->layer_count) {  // lists that differ must differ here, too
        snprintf(rest, sizeof rest, ",... (%d layers, fnv1a64:%016llx)%s", o->layer_count, (unsigned long long)hash_of_layers(o), phase);
        text[0] = '\0';
        (void)write_layers(o, rest, text, size);
    }
    const size_t used = strlen(text);
    snprintf(text + used, size - used, "%s", rest);
}

// What the step has: the phases of the chosen layers, or of all of them.
static sj_status nothing_chosen(const sj_sim_options *o, const sj_lowering *lowering, sj_error *err) {
    bool present[SJ_PHASE_COUNT] = {false};
    sj_sim_options any_phase = *o;
    any_phase.phase = -1;
    for (int u = 0; u < sj_lowering_unit_count(lowering); u++) {
        const sj_unit *unit = sj_lowering_unit(lowering, u);
        present[unit->phase] = present[unit->phase] || sj_sim_is_chosen(&any_phase, unit);
    }
    char wanted[512], known[128] = "";
    sj_sim_describe_selection(o, wanted, sizeof wanted);
    for (int p = 0; p < SJ_PHASE_COUNT; p++) {
        if (present[p]) {
            strcat(strcat(known, known[0] != '\0' ? ", " : ""), sj_phase_name((sj_phase)p));
        }
    }
    if (known[0] == '\0') {
        return SJ_FAIL(err, SJ_ERR_RANGE, "%s: the step has no work of its own for %s: it is a part of other layers' work", o->trace, wanted);
    }
    return SJ_FAIL(err, SJ_ERR_RANGE, "%s: the step has nothing for %s; the phases there are %s", o->trace, wanted, known);
}

sj_status sj_sim_count_chosen(const sj_sim_options *o, const sj_lowering *lowering, int *count, sj_error *err) {
    *count = 0;
    for (int u = 0; u < sj_lowering_unit_count(lowering); u++) {
        *count += sj_sim_is_chosen(o, sj_lowering_unit(lowering, u));
    }
    return *count > 0 ? SJ_OK : nothing_chosen(o, lowering, err);
}

static sj_status no_such_variant(const char *option, const sj_machine_setup *s, const char *wanted, sj_error *err) {
    char text[SJ_VARIANTS_MAX][24], known[SJ_VARIANTS_MAX * 26] = "";
    const char *names[SJ_VARIANTS_MAX];
    for (int v = 0; v < s->variant_count; v++) {
        sj_variant_name(s->variants[v], text[v]);
        names[v] = text[v];
        strcat(strcat(known, v > 0 ? ", " : ""), text[v]);
    }
    const char *nearest = sj_nearest_name(wanted, names, s->variant_count);
    return SJ_FAIL(err, SJ_ERR_USAGE, "%s %s: it is not simulated; those are %s%s%s%s", option, wanted, known, nearest != NULL ? "; did you mean " : "", nearest != NULL ? nearest : "",
                   nearest != NULL ? "?" : "");
}

sj_status sj_sim_choose_variant(const char *option, const char *text, const sj_machine_setup *setup, sj_variant *variant, sj_error *err) {
    char name[24], own[24];
    sj_variant_name((sj_variant){SJ_MACHINE_SKIP, setup->accel.codec}, own);
    const char *wanted = text != NULL ? text : own;
    for (int v = 0; v < setup->variant_count; v++) {
        sj_variant_name(setup->variants[v], name);
        if (strcmp(name, wanted) == 0) {
            *variant = setup->variants[v];
            return SJ_OK;
        }
    }
    return no_such_variant(option, setup, wanted, err);
}

sj_status sj_sim_check_part(const char *option, const sj_sim_options *o, const sj_sim_part *part, const sj_lowering *lowering, sj_error *err) {
    for (int u = 0; u < sj_lowering_unit_count(lowering); u++) {
        const sj_unit *unit = sj_lowering_unit(lowering, u);
        if (sj_sim_is_chosen(o, unit) && sj_sim_part_has(part, unit)) {
            return SJ_OK;
        }
    }
    return SJ_FAIL(err, SJ_ERR_RANGE, "%s: nothing of what is simulated is in %s %s%s%s", o->trace, option, part->layer, part->phase >= 0 ? ":" : "",
                   part->phase >= 0 ? sj_phase_name((sj_phase)part->phase) : "");
}
