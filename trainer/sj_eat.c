// SPDX-License-Identifier: Apache-2.0
#include "sj_eat.h"

#include <stdlib.h>
#include <string.h>

#include "sj_config.h"

static bool is_named(const sj_eat *eat, const char *name) {
    for (int i = 0; i < eat->module_count; i++) {
        if (strcmp(eat->modules[i], name) == 0) {
            return true;
        }
    }
    return false;
}

bool sj_eat_hooked(const sj_eat *eat, const sj_network *net, int layer) {
    if (layer == SJ_INPUT_NETWORK) {
        return eat->input;
    }
    const sj_layer_info *l = &net->layers[layer];
    return eat->module_count > 0 ? is_named(eat, l->name) : eat->kinds[l->kind];
}

int sj_eat_modules(const sj_eat *eat, const sj_network *net) {
    int count = 0;
    for (int i = SJ_INPUT_NETWORK; i < net->layer_count; i++) {
        count += sj_eat_hooked(eat, net, i) ? 1 : 0;
    }
    return count;
}

static sj_status check_module(const char *name, const sj_network *net, const char *group, sj_error *err) {
    const char **names = calloc((size_t)net->layer_count + 1, sizeof *names);
    if (names == NULL) {
        return SJ_FAIL(err, SJ_ERR_MEMORY, "out of memory for the names of modules");
    }
    int count = 0;
    bool found = strcmp(name, "input") == 0, other = false;
    names[count++] = "input";
    for (int i = 0; i < net->layer_count; i++) {
        const sj_layer_info *l = &net->layers[i];
        if (sj_kind_is_module(l->kind)) {
            names[count++] = l->name;
            found |= strcmp(name, l->name) == 0;
        } else {
            other |= strcmp(name, l->name) == 0;
        }
    }
    const char *nearest = sj_nearest_name(name, names, count);
    free(names);
    if (found) {
        return SJ_OK;
    }
    if (other) {
        return SJ_FAIL(err, SJ_ERR_CONFIG, "%s.modules: layer \"%s\" of network %s is no module; allowed are \"input\" and layers of kind conv, bn, relu, maxpool, avgpool, linear", group, name,
                       net->name);
    }
    return SJ_FAIL(err, SJ_ERR_CONFIG, "%s.modules: network %s has no layer \"%s\"%s%s%s", group, net->name, name, nearest != NULL ? "; did you mean \"" : "", nearest != NULL ? nearest : "",
                   nearest != NULL ? "\"?" : "");
}

sj_status sj_eat_check(const sj_eat *eat, const sj_network *net, const char *group, sj_error *err) {
    for (int i = 0; i < eat->module_count; i++) {
        SJ_TRY(check_module(eat->modules[i], net, group, err));
    }
    if (sj_eat_modules(eat, net) == (eat->input ? 1 : 0)) {
        return SJ_FAIL(err, SJ_ERR_CONFIG, "%s.%s: no layer of network %s is among them; one is needed, for the input alone has nothing to train", group,
                       eat->module_count > 0 ? "modules" : "kinds", net->name);
    }
    return SJ_OK;
}

double sj_eat_lambda(const sj_eat *eat, double epochs_done) {
    return eat->warmup_epochs > 0.0 && epochs_done < eat->warmup_epochs ? eat->lambda * epochs_done / eat->warmup_epochs : eat->lambda;
}
