// SPDX-License-Identifier: Apache-2.0
#include "sj_machine.h"

#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "sj_cli.h"
#include "sj_config.h"
#include "sj_file.h"

const char *const sj_fidelity_names[SJ_FIDELITY_COUNT] = {"fast", "systemc", "rtl"};

void sj_machine_defaults(sj_machine_options *o) {
    memset(o, 0, sizeof *o);
    o->machines[0] = o->machines[1] = o->machines[2] = true;
    o->codecs[SJ_CODEC_NONE] = o->codecs[SJ_CODEC_BITMASK] = true;
}

static sj_status bad_name(const char *option, const char *word, const char *const *names, int count, sj_error *err) {
    char allowed[128] = "";
    for (int i = 0; i < count; i++) {
        strcat(strcat(allowed, i > 0 ? ", " : ""), names[i]);
    }
    const char *nearest = sj_nearest_name(word, names, count);
    if (nearest != NULL) {
        return SJ_FAIL(err, SJ_ERR_USAGE, "%s: \"%s\" is not one of %s; did you mean %s?", option, word, allowed, nearest);
    }
    return SJ_FAIL(err, SJ_ERR_USAGE, "%s: \"%s\" is not one of %s", option, word, allowed);
}

static sj_status name_index(const char *option, const char *word, const char *const *names, int count, int *index, sj_error *err) {
    for (int i = 0; i < count; i++) {
        if (strcmp(word, names[i]) == 0) {
            *index = i;
            return SJ_OK;
        }
    }
    return bad_name(option, word, names, count, err);
}

// "skip,dense" into flags.
static sj_status name_list(const char *option, const char *text, const char *const *names, int count, bool *chosen, sj_error *err) {
    memset(chosen, 0, (size_t)count * sizeof *chosen);
    for (;;) {
        char word[32] = "";
        const size_t length = strcspn(text, ",");
        strncat(word, text, length < sizeof word - 1 ? length : sizeof word - 1);
        int index = 0;
        SJ_TRY(name_index(option, word, names, count, &index, err));
        if (chosen[index]) {
            return SJ_FAIL(err, SJ_ERR_USAGE, "%s: \"%s\" stands there twice", option, word);
        }
        chosen[index] = true;
        if (text[length] == '\0') {
            return SJ_OK;
        }
        text += length + 1;
    }
}

static sj_status add_set(sj_machine_options *o, const char *text, sj_error *err) {
    SJ_TRY(sj_cli_check_set(text, err));
    const bool tech = strncmp(text, "tech.", 5) == 0;
    int *count = tech ? &o->tech_set_count : &o->accel_set_count;
    if (*count == SJ_SETS_MAX) {
        return SJ_FAIL(err, SJ_ERR_USAGE, "--set stands there more than %d times", SJ_SETS_MAX);
    }
    (tech ? o->tech_sets : o->accel_sets)[(*count)++] = tech ? text + 5 : text;
    return SJ_OK;
}

sj_status sj_machine_option(sj_machine_options *o, int option, const char *value, sj_error *err) {
    static const char *const machines[] = {"dense", "gate", "skip"}, *const codecs[SJ_CODEC_COUNT] = {"none", "bitmask", "rle"};
    int index = 0;
    switch (option) {
        case SJ_OPT_ACCEL: o->accel = value; return SJ_OK;
        case SJ_OPT_TECH: o->tech = value; return SJ_OK;
        case SJ_OPT_FIDELITY:
            SJ_TRY(name_index("--fidelity", value, sj_fidelity_names, SJ_FIDELITY_COUNT, &index, err));
            o->fidelity = (sj_fidelity)index;
            return SJ_OK;
        case SJ_OPT_VARIANTS: return name_list("--variants", value, machines, 3, o->machines, err);
        case SJ_OPT_CODECS: o->codecs_given = true; return name_list("--codecs", value, codecs, SJ_CODEC_COUNT, o->codecs, err);
        case SJ_OPT_SET: return add_set(o, value, err);
        default: return SJ_FAIL(err, SJ_ERR_INTERNAL, "option %d without a reader", option);
    }
}

// tech_file = the value of --tech, as libconfig writes strings.
static sj_status override_tech_file(sj_config *c, const char *tech, sj_error *err) {
    char assignment[1024] = "tech_file=\"";
    size_t used = strlen(assignment);
    for (; *tech != '\0' && used < sizeof assignment - 4; tech++) {
        if (*tech == '"' || *tech == '\\') {
            assignment[used++] = '\\';
        }
        assignment[used++] = *tech;
    }
    strcpy(assignment + used, "\"");
    return sj_config_override(c, assignment, err);
}

static sj_status read_accel(const sj_machine_options *o, sj_machine_setup *s, sj_error *err) {
    sj_config *c;
    SJ_TRY(sj_config_open(s->accel_path, &c, err));
    sj_status status = o->tech != NULL ? override_tech_file(c, o->tech, err) : SJ_OK;
    for (int i = 0; i < o->accel_set_count && status == SJ_OK; i++) {
        status = sj_config_override(c, o->accel_sets[i], err);
    }
    if (status == SJ_OK) {
        sj_accel_read(c, &s->accel);
        status = sj_config_finish(c, err);
    }
    status = status == SJ_OK ? sj_config_text(c, &s->accel_text, err) : status;
    sj_config_close(c);
    return status;
}

static sj_status choose_variants(const sj_machine_options *o, sj_machine_setup *s, sj_error *err) {
    for (int c = 0; c < SJ_CODEC_COUNT; c++) {
        for (int m = 0; m < 3; m++) {
            if (o->machines[m] && (o->codecs[c] || (!o->codecs_given && s->accel.codec == (sj_codec)c))) {
                s->variants[s->variant_count++] = (sj_variant){(sj_machine)m, (sj_codec)c};
            }
        }
    }
    for (int m = 0; m < 3; m++) {
        SJ_TRY(sj_tech_prices(s->tech, &s->accel, (sj_machine)m, &s->prices[m], err));
    }
    return SJ_OK;
}

// The tech file knows its keys without "tech."; the user's --set has it.
static sj_status name_tech_sets(sj_error *err) {
    static const char plain[] = "--set ", full[] = "--set tech.";
    char text[sizeof err->message];
    size_t used = 0;
    for (const char *p = err->message; *p != '\0' && used + sizeof full < sizeof text;) {
        const bool at_line = p == err->message || p[-1] == '\n';
        if (at_line && strncmp(p, plain, sizeof plain - 1) == 0) {
            memcpy(text + used, full, sizeof full - 1);
            used += sizeof full - 1;
            p += sizeof plain - 1;
        } else {
            text[used++] = *p++;
        }
    }
    text[used] = '\0';
    memcpy(err->message, text, used + 1);
    return err->status;
}

sj_status sj_machine_open(const sj_machine_options *o, const char *command, sj_machine_setup *s, sj_error *err) {
    memset(s, 0, sizeof *s);
    if (o->accel == NULL) {
        return SJ_FAIL(err, SJ_ERR_USAGE, "%s: --accel is missing: the accelerator's file or shipped name, for example --accel edge16", command);
    }
    SJ_TRY(sj_cli_find_config("accel", o->accel, &s->accel_path, err));
    SJ_TRY(read_accel(o, s, err));
    SJ_TRY(sj_cli_find_config("tech", s->accel.tech, &s->tech_path, err));
    if (sj_tech_open(s->tech_path, o->tech_sets, o->tech_set_count, &s->tech, err) != SJ_OK) {
        return name_tech_sets(err);
    }
    return choose_variants(o, s, err);
}

void sj_machine_close(sj_machine_setup *s) {
    sj_tech_close(s->tech);
    free(s->accel_path);
    free(s->tech_path);
    free(s->accel_text);
    memset(s, 0, sizeof *s);
}

static void fill_provenance(const sj_machine_setup *s, sj_provenance *p) {
    snprintf(p->version, sizeof p->version, "%s", sj_version);
    if (gethostname(p->host, sizeof p->host - 1) != 0) {
        p->host[0] = '\0';
    }
    snprintf(p->accel_file, sizeof p->accel_file, "%s", s->accel_path);
    snprintf(p->tech_file, sizeof p->tech_file, "%s", s->tech_path);
}

sj_status sj_machine_start_run(const sj_machine_setup *s, const sj_machine_options *o, int layers, sj_stats *run, sj_error *err) {
    memset(run, 0, sizeof *run);
    memcpy(run->accel, s->accel.name, sizeof run->accel);
    snprintf(run->tech, sizeof run->tech, "%s", sj_tech_name(s->tech));
    snprintf(run->fidelity, sizeof run->fidelity, "%s", sj_fidelity_names[o->fidelity]);
    run->prices = s->prices;
    run->source_count = s->prices[0].source_count;
    memcpy(run->source_names, s->prices[0].source_names, sizeof run->source_names);
    run->clock_mhz = s->accel.clock_mhz;
    run->rows = s->accel.rows;
    run->lanes = s->accel.lanes;
    run->codec = s->accel.codec;
    fill_provenance(s, &run->provenance);
    for (int v = 0; v < s->variant_count; v++) {
        void *memory;
        SJ_TRY(sj_alloc(&memory, (uint64_t)layers + 1, sizeof(sj_stat), "the layers of a run", err));
        const sj_machine m = s->variants[v].machine;
        run->has_area[m] = true;
        run->area[m] = sj_tech_area(s->tech, &s->accel, m);
        run->variants[v].variant = s->variants[v];
        run->variants[v].layers = memory;
        run->variants[v].layer_count = layers;
        run->variant_count = v + 1;
    }
    return SJ_OK;
}
