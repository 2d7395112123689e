// SPDX-License-Identifier: Apache-2.0
// mapping.pin = ( { layer = "conv1"; phase = "forward"; m = 1024; n = 64; k = 576; order = "mn"; }, ... ): mappings that the file sets.
#include <stdio.h>
#include <string.h>

#include "accel_internal.h"

enum { PATH_SIZE = 64 };

static const char *const phase_names[] = {"forward", "grad_input", "grad_weight", NULL};  // in the order of sj_phase
static const char *const order_names[] = {"mn", "nm", NULL};

const char *sj_order_name(sj_order order) { return order_names[order]; }

static const char *path_of(int pin, const char *key, char path[PATH_SIZE]) {
    snprintf(path, PATH_SIZE, "mapping.pin.[%d].%s", pin, key);
    return path;
}

static void read_layer(sj_config *c, int index, sj_pin *pin) {
    char path[PATH_SIZE];
    const char *layer = sj_config_string(c, path_of(index, "layer", path), SJ_REQUIRED, "");
    const size_t length = strlen(layer);
    if (sj_config_has(c, path) && (length == 0 || length >= sizeof pin->layer)) {
        sj_config_error(c, SJ_CFG_RANGE, path, "\"%s\" has %zu characters; allowed: 1 to %zu, or \"*\" for every layer", path, length, sizeof pin->layer - 1);
        layer = "";
    }
    snprintf(pin->layer, sizeof pin->layer, "%s", layer);
}

static int64_t read_size(sj_config *c, int index, const char *key) {
    char path[PATH_SIZE];
    return sj_config_int(c, path_of(index, key, path), SJ_REQUIRED, 0, 1, INT64_C(1) << 40);
}

static void read_swap(sj_config *c, int index, sj_pin *pin) {
    char path[PATH_SIZE];
    const bool swap = sj_config_bool(c, path_of(index, "swap", path), SJ_OPTIONAL, false);
    if (!sj_config_has(c, path)) {
        return;
    }
    if (strcmp(phase_names[pin->phase], "grad_weight") != 0) {
        sj_config_error(c, SJ_CFG_RANGE, path, "\"%s\" stands in a pin of phase \"%s\"; allowed with phase \"grad_weight\" alone", path, phase_names[pin->phase]);
    }
    pin->swap = swap ? SJ_PIN_SWAP_YES : SJ_PIN_SWAP_NO;
}

static void refuse_second(sj_config *c, const sj_accel *accel, int index) {
    const sj_pin *pin = &accel->pins[index];
    for (int i = 0; i < index; i++) {
        if (pin->layer[0] != '\0' && strcmp(accel->pins[i].layer, pin->layer) == 0 && accel->pins[i].phase == pin->phase) {
            char path[PATH_SIZE];
            sj_config_error(c, SJ_CFG_RANGE, path_of(index, "layer", path), "\"mapping.pin.[%d]\" and \"mapping.pin.[%d]\" both pin layer \"%s\", phase \"%s\"; allowed: one pin each", i,
                            index, pin->layer, phase_names[pin->phase]);
            return;
        }
    }
}

static void read_pin(sj_config *c, int index, sj_accel *accel) {
    char path[PATH_SIZE];
    sj_pin *pin = &accel->pins[index];
    read_layer(c, index, pin);
    pin->phase = sj_config_enum(c, path_of(index, "phase", path), SJ_REQUIRED, 0, phase_names);
    pin->m = read_size(c, index, "m");
    pin->n = read_size(c, index, "n");
    pin->k = read_size(c, index, "k");
    pin->order = (sj_order)sj_config_enum(c, path_of(index, "order", path), SJ_REQUIRED, 0, order_names);
    read_swap(c, index, pin);
    refuse_second(c, accel, index);
}

void sj_accel_read_pins(sj_config *c, sj_accel *accel) {
    const int count = sj_config_length(c, "mapping.pin", SJ_OPTIONAL);
    const char *first = count > 0 ? sj_config_child_name(c, "mapping.pin", 0) : "";
    if (first != NULL && first[0] != '\0') {
        sj_config_error(c, SJ_CFG_TYPE, "mapping.pin", "\"mapping.pin\" is a group; it must be a list of groups: ( { layer = ...; }, ... )");
        return;
    }
    if (count > SJ_PINS_MAX) {
        sj_config_error(c, SJ_CFG_RANGE, "mapping.pin", "\"mapping.pin\" has %d elements; allowed: at most %d", count, SJ_PINS_MAX);
    }
    accel->pin_count = count < SJ_PINS_MAX ? count : SJ_PINS_MAX;
    for (int i = 0; i < accel->pin_count; i++) {
        read_pin(c, i, accel);
    }
}
