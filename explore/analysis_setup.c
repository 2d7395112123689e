// SPDX-License-Identifier: Apache-2.0
// What a sweep held fixed, out of the file that its store keeps: which machine and codec its energies are of.
#include <stdio.h>
#include <string.h>

#include "analysis_internal.h"
#include "sj_accel.h"
#include "sj_config.h"

typedef struct line {
    char *text;
    size_t at;
} line;

static void say(line *l, const char *name, const char *value) {
    if (l->at < SJ_ANALYSIS_SETUP_MAX) {
        l->at += (size_t)snprintf(l->text + l->at, SJ_ANALYSIS_SETUP_MAX - l->at, "%s%s %s", l->at > 0 ? "; " : "", name, value);
    }
}

static bool is_axis(const sj_sweep_about *about, const char *path) { return sj_space_find(about->space, path) >= 0; }

// The value that one of the file's `set` gives the codec; NULL where none does.
static const char *codec_of_sets(sj_config *c) {
    static const char key[] = "dram.codec=";
    const char *found = NULL;
    for (int i = 0; i < sj_config_length(c, "set", SJ_OPTIONAL); i++) {
        char path[32];
        snprintf(path, sizeof path, "set.[%d]", i);
        const sj_config_value set = sj_config_peek(c, path);
        found = set.type == SJ_PEEK_TEXT && strncmp(set.text, key, sizeof key - 1) == 0 ? set.text + sizeof key - 1 : found;
    }
    return found;
}

static const char *text_at(const sj_config *c, const char *path, const char *otherwise) {
    const sj_config_value value = sj_config_peek(c, path);
    return value.type == SJ_PEEK_TEXT ? value.text : otherwise;
}

sj_status sj_analysis_setup(const sj_sweep_about *about, char text[SJ_ANALYSIS_SETUP_MAX], sj_error *err) {
    sj_config *c;
    line l = {text, 0};
    text[0] = '\0';
    SJ_TRY(sj_config_parse(about->config, "the sweep's file", &c, err));
    const char *codec = codec_of_sets(c), *tech = text_at(c, "tech", NULL);
    say(&l, "machine", is_axis(about, "machine") ? "(an axis)" : text_at(c, "machine", sj_machine_name(SJ_MACHINE_SKIP)));
    say(&l, "codec", is_axis(about, "dram.codec") ? "(an axis)" : codec != NULL ? codec : "as the accelerator's file has it");
    say(&l, "accelerator", is_axis(about, "accel") ? "(an axis)" : text_at(c, "accel", "(not named)"));
    if (tech != NULL) {
        say(&l, "technology", tech);
    }
    sj_config_close(c);
    return SJ_OK;
}
