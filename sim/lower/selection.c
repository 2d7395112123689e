// SPDX-License-Identifier: Apache-2.0
#include "sj_selection.h"

#include <ctype.h>
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "sj_config.h"
#include "sj_file.h"
#include "sj_map.h"

static int last_step(const sj_trace *trace, sj_mode mode) {
    for (int i = sj_trace_step_count(trace) - 1; i >= 0; i--) {
        if (sj_trace_get_step(trace, i)->mode == mode) {
            return i;
        }
    }
    return -1;
}

// Whole numbers as far as they fit, then how many more there are.
static void list_steps(const sj_trace *trace, int count, char *out, size_t size) {
    size_t used = (size_t)snprintf(out, size, "%s", count > 0 ? "" : "none");
    for (int i = 0; i < count; i++) {
        if (used + sizeof ", -9223372036854775808 and 2147483647 more" > size) {
            snprintf(out + used, size - used, " and %d more", count - i);
            return;
        }
        used += (size_t)snprintf(out + used, size - used, "%s%lld", i > 0 ? ", " : "", (long long)sj_trace_get_step(trace, i)->number);
    }
}

static sj_status numbered_step(const char *option, const sj_trace *trace, const char *text, int *index, sj_error *err) {
    char *end;
    errno = 0;
    const long long number = strtoll(text, &end, 10);
    if (errno != 0 || end == text || *end != '\0' || number < 0 || isspace((unsigned char)*text)) {
        return SJ_FAIL(err, SJ_ERR_USAGE, "%s %s: it must be a step's number, last-train or last-eval", option, text);
    }
    const int count = sj_trace_step_count(trace);
    for (int i = 0; i < count; i++) {
        if ((long long)sj_trace_get_step(trace, i)->number == number) {
            *index = i;
            return SJ_OK;
        }
    }
    char known[512];
    list_steps(trace, count, known, sizeof known);
    return SJ_FAIL(err, SJ_ERR_RANGE, "%s: no step %lld; it has %s", sj_trace_path(trace), number, known);
}

sj_status sj_selection_step(const char *option, const sj_trace *trace, const char *text, int *index, sj_error *err) {
    const int train = last_step(trace, SJ_MODE_TRAIN), eval = last_step(trace, SJ_MODE_EVAL);
    if (text != NULL && strcmp(text, "last-train") != 0 && strcmp(text, "last-eval") != 0) {
        return numbered_step(option, trace, text, index, err);
    }
    *index = text == NULL ? (train >= 0 ? train : eval) : strcmp(text, "last-train") == 0 ? train : eval;
    if (*index < 0) {
        return SJ_FAIL(err, SJ_ERR_RANGE, "%s: it has no %s step", sj_trace_path(trace), text == NULL ? "train or eval" : text + strlen("last-"));
    }
    return SJ_OK;
}

bool sj_selection_has(const sj_selection *s, const sj_unit *unit) {
    bool named = s->layer_count == 0;
    for (int i = 0; i < s->layer_count; i++) {
        named = named || strcmp(s->layers[i], unit->layer) == 0;
    }
    return named && (s->phase < 0 || (int)unit->phase == s->phase);
}

static sj_status check_layer(const char *option, const char *layer, const sj_network *net, const char *const *names, sj_error *err) {
    for (int i = 0; i < net->layer_count; i++) {
        if (strcmp(names[i], layer) == 0) {
            return SJ_OK;
        }
    }
    const char *nearest = sj_nearest_name(layer, names, net->layer_count);
    return SJ_FAIL(err, SJ_ERR_USAGE, "%s %s: the network %s has no such layer%s%s%s", option, layer, net->name, nearest != NULL ? "; did you mean " : "", nearest != NULL ? nearest : "",
                   nearest != NULL ? "?" : "");
}

sj_status sj_selection_check(const char *option, const char *const *layers, int count, const sj_trace *trace, sj_error *err) {
    const sj_network *net = sj_trace_get_network(trace);
    void *memory;
    SJ_TRY(sj_alloc(&memory, (uint64_t)net->layer_count + 1, sizeof(char *), "the layers' names", err));
    const char **names = memory;
    for (int i = 0; i < net->layer_count; i++) {
        names[i] = net->layers[i].name;
    }
    sj_status status = SJ_OK;
    for (int l = 0; l < count && status == SJ_OK; l++) {
        status = check_layer(option, layers[l], net, names, err);
    }
    free(memory);
    return status;
}

sj_status sj_selection_check_pins(const sj_accel *accel, const sj_trace *trace, sj_error *err) {
    static const sj_phase phases[] = {SJ_PHASE_FORWARD, SJ_PHASE_GRAD_INPUT, SJ_PHASE_GRAD_WEIGHT};
    const sj_network *net = sj_trace_get_network(trace);
    void *memory;
    SJ_TRY(sj_alloc(&memory, 3 * (uint64_t)net->layer_count + 1, sizeof(sj_map_product_name), "the products' names", err));
    sj_map_product_name *products = memory;
    int count = 0;
    for (int i = 0; i < net->layer_count; i++) {
        const sj_kind kind = net->layers[i].kind;
        for (int p = 0; p < 3 && (kind == SJ_KIND_CONV || kind == SJ_KIND_LINEAR || kind == SJ_KIND_MATMUL); p++) {
            if (phases[p] != SJ_PHASE_GRAD_INPUT || net->layers[i].needs_dx) {
                products[count++] = (sj_map_product_name){net->layers[i].name, phases[p]};
            }
        }
    }
    const sj_status status = sj_map_check_pins(accel, products, count, err);
    free(memory);
    return status;
}
