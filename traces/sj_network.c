// SPDX-License-Identifier: Apache-2.0
#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

#include "sj_trace.h"

#define DIM_MAX INT32_MAX

static const char *const kind_names[SJ_KIND_COUNT] = {
    [SJ_KIND_CONV] = "conv",       [SJ_KIND_LINEAR] = "linear",   [SJ_KIND_MATMUL] = "matmul",         [SJ_KIND_BN] = "bn",         [SJ_KIND_RELU] = "relu",
    [SJ_KIND_MAXPOOL] = "maxpool", [SJ_KIND_AVGPOOL] = "avgpool", [SJ_KIND_ADD] = "add",               [SJ_KIND_FORK] = "fork",     [SJ_KIND_FLATTEN] = "flatten",
    [SJ_KIND_DROPOUT] = "dropout", [SJ_KIND_SOFTMAX_CE] = "softmax_ce", [SJ_KIND_OPAQUE] = "opaque",
};

const char *sj_kind_name(sj_kind kind) { return (int)kind >= 0 && kind < SJ_KIND_COUNT ? kind_names[kind] : "unknown"; }

bool sj_kind_from_name(const char *name, sj_kind *kind) {
    for (int i = 0; i < SJ_KIND_COUNT; i++) {
        if (strcmp(kind_names[i], name) == 0) {
            *kind = (sj_kind)i;
            return true;
        }
    }
    return false;
}

void sj_network_free(sj_network *net) {
    free(net->layers);
    memset(net, 0, sizeof *net);
}

#define LAYER_FAIL(err, net, l, ...) (SJ_FAIL(err, SJ_ERR_FORMAT, __VA_ARGS__), sj_error_prefix(err, "network \"%s\": layer \"%s\"", (net)->name, (l)->name))

static bool same_dims(sj_dims a, sj_dims b) { return a.h == b.h && a.w == b.w && a.c == b.c; }

static bool valid_name(const char *name) {
    return name[0] != '\0' && memchr(name, '\0', SJ_NAME_MAX) != NULL && strchr(name, '/') == NULL && strcmp(name, ".") != 0 && strcmp(name, "..") != 0;
}

static bool valid_dims(sj_dims d) {
    int64_t values;
    return d.h >= 1 && d.w >= 1 && d.c >= 1 && d.h <= DIM_MAX && d.w <= DIM_MAX && d.c <= DIM_MAX && !__builtin_mul_overflow(d.h * d.w, d.c, &values) &&
           values <= INT64_MAX / DIM_MAX / 8;
}

static sj_status check_name(const sj_network *net, int index, sj_error *err) {
    const char *name = net->layers[index].name;
    if (!valid_name(name)) {
        return SJ_FAIL(err, SJ_ERR_FORMAT, "network \"%s\": layer %d: its name must have 1 to %d characters, no \"/\", and not be \".\" or \"..\"", net->name, index,
                       SJ_NAME_MAX - 1);
    }
    for (int i = 0; i < index; i++) {
        if (strcmp(net->layers[i].name, name) == 0) {
            return SJ_FAIL(err, SJ_ERR_FORMAT, "network \"%s\": layers %d and %d are both named \"%s\"", net->name, i, index, name);
        }
    }
    return SJ_OK;
}

// The first layer that reads the network's input tells its shape.
static sj_dims network_input(const sj_network *net) {
    for (int i = 0; i < net->layer_count; i++) {
        if (net->layers[i].input_count > 0 && net->layers[i].inputs[0] == -1) {
            return net->layers[i].in;
        }
    }
    return (sj_dims){0, 0, 0};
}

sj_dims sj_network_input_dims(const sj_network *net, int layer, int input) {
    const sj_layer_info *l = &net->layers[layer];
    const int from = l->inputs[input];
    if (from == SJ_INPUT_OWN) {
        return l->kind == SJ_KIND_MATMUL && input == 1 ? (sj_dims){l->in.c, 1, l->out.c} : l->in;
    }
    return from < 0 ? network_input(net) : net->layers[from].out;
}

static sj_status check_inputs(const sj_network *net, int index, sj_error *err) {
    const sj_layer_info *l = &net->layers[index];
    const bool many = l->kind == SJ_KIND_ADD || l->kind == SJ_KIND_MATMUL, any = l->kind == SJ_KIND_OPAQUE, not_two = l->kind == SJ_KIND_MATMUL && l->input_count != 2;
    if (not_two || l->input_count < 1 || l->input_count > SJ_INPUTS_MAX || (!any && many != (l->input_count > 1))) {
        return LAYER_FAIL(err, net, l, "a layer of kind %s cannot have %d inputs", sj_kind_name(l->kind), l->input_count);
    }
    for (int i = 0; i < l->input_count; i++) {
        const int from = l->inputs[i];
        if (from < SJ_INPUT_OWN || from >= index) {
            return LAYER_FAIL(err, net, l, "input %d is layer number %d; it must be -1 (the network's input), -2 (an input of its own) or a layer before number %d", i, from, index);
        }
        const sj_dims made = sj_network_input_dims(net, index, i);
        const bool first = i == 0;
        if ((first || l->kind == SJ_KIND_ADD) && !same_dims(made, l->in)) {
            return LAYER_FAIL(err, net, l, "input %d is %" PRId64 "x%" PRId64 "x%" PRId64 " (HxWxC), but the layer takes %" PRId64 "x%" PRId64 "x%" PRId64, i, made.h, made.w,
                              made.c, l->in.h, l->in.w, l->in.c);
        }
    }
    return SJ_OK;
}

static sj_status check_window(const sj_network *net, const sj_layer_info *l, sj_error *err) {
    const bool windowed = l->kind == SJ_KIND_CONV || l->kind == SJ_KIND_MAXPOOL || l->kind == SJ_KIND_AVGPOOL;
    if (l->kernel_h < 1 || l->kernel_w < 1 || l->stride < 1 || l->padding < 0 || l->groups < 1 || l->kernel_h > DIM_MAX || l->kernel_w > DIM_MAX || l->stride > DIM_MAX ||
        l->padding > DIM_MAX || l->groups > DIM_MAX) {
        return LAYER_FAIL(err, net, l, "kernel %" PRId64 "x%" PRId64 ", stride %" PRId64 ", padding %" PRId64 ", groups %" PRId64 ": kernel, stride and groups must be at least 1, padding at least 0",
                          l->kernel_h, l->kernel_w, l->stride, l->padding, l->groups);
    }
    if (!windowed && (l->kernel_h != 1 || l->kernel_w != 1 || l->stride != 1 || l->padding != 0 || l->groups != 1) && l->kind != SJ_KIND_OPAQUE) {
        return LAYER_FAIL(err, net, l, "a layer of kind %s must have kernel 1x1, stride 1, padding 0 and groups 1", sj_kind_name(l->kind));
    }
    return SJ_OK;
}

static sj_status expect_out(const sj_network *net, const sj_layer_info *l, int64_t h, int64_t w, int64_t c, sj_error *err) {
    if (same_dims(l->out, (sj_dims){h, w, c})) {
        return SJ_OK;
    }
    return LAYER_FAIL(err, net, l, "its output is %" PRId64 "x%" PRId64 "x%" PRId64 " (HxWxC), but kind %s with these inputs makes %" PRId64 "x%" PRId64 "x%" PRId64, l->out.h, l->out.w,
                      l->out.c, sj_kind_name(l->kind), h, w, c);
}

// O[p][j] = sum over c of x0[p][c] * x1[c][j]: the pixels of x1 are the channels of x0.
static sj_status check_matmul(const sj_network *net, const sj_layer_info *l, sj_dims right, sj_error *err) {
    if (right.h * right.w != l->in.c) {
        return LAYER_FAIL(err, net, l, "x0 is %" PRId64 "x%" PRId64 "x%" PRId64 " (HxWxC) and x1 %" PRId64 "x%" PRId64 "x%" PRId64 ": a matmul needs as many pixels (HxW) in x1 as channels in x0",
                          l->in.h, l->in.w, l->in.c, right.h, right.w, right.c);
    }
    return expect_out(net, l, l->in.h, l->in.w, right.c, err);
}

static sj_status check_output(const sj_network *net, int index, sj_error *err) {
    const sj_layer_info *l = &net->layers[index];
    const sj_dims in = l->in;
    switch (l->kind) {
        case SJ_KIND_CONV:
        case SJ_KIND_MAXPOOL:
        case SJ_KIND_AVGPOOL: {
            if (in.h + 2 * l->padding < l->kernel_h || in.w + 2 * l->padding < l->kernel_w) {
                return LAYER_FAIL(err, net, l, "the kernel %" PRId64 "x%" PRId64 " is larger than the padded input", l->kernel_h, l->kernel_w);
            }
            const int64_t channels = l->kind == SJ_KIND_CONV ? l->out.c : in.c;
            if (in.c % l->groups != 0 || channels % l->groups != 0) {
                return LAYER_FAIL(err, net, l, "%" PRId64 " groups do not divide %" PRId64 " input and %" PRId64 " output channels", l->groups, in.c, channels);
            }
            return expect_out(net, l, (in.h + 2 * l->padding - l->kernel_h) / l->stride + 1, (in.w + 2 * l->padding - l->kernel_w) / l->stride + 1, channels, err);
        }
        case SJ_KIND_LINEAR:
            if (in.h != 1 || in.w != 1) {
                return LAYER_FAIL(err, net, l, "a linear layer takes vectors (1x1xC); put a flatten layer before it");
            }
            return expect_out(net, l, 1, 1, l->out.c, err);
        case SJ_KIND_FLATTEN: return expect_out(net, l, 1, 1, in.h * in.w * in.c, err);
        case SJ_KIND_SOFTMAX_CE: return same_dims(l->out, (sj_dims){1, 1, 1}) ? SJ_OK : expect_out(net, l, in.h, in.w, in.c, err);
        case SJ_KIND_MATMUL: return check_matmul(net, l, sj_network_input_dims(net, index, 1), err);
        case SJ_KIND_OPAQUE: return SJ_OK;
        default: return expect_out(net, l, in.h, in.w, in.c, err);
    }
}

sj_status sj_network_check(const sj_network *net, sj_error *err) {
    if (net->layer_count < 1) {
        return SJ_FAIL(err, SJ_ERR_FORMAT, "network \"%s\": it has no layers", net->name);
    }
    for (int i = 0; i < net->layer_count; i++) {
        const sj_layer_info *l = &net->layers[i];
        SJ_TRY(check_name(net, i, err));
        if ((int)l->kind < 0 || l->kind >= SJ_KIND_COUNT) {
            return LAYER_FAIL(err, net, l, "its kind is number %d, which is none", (int)l->kind);
        }
        if (!valid_dims(l->in) || !valid_dims(l->out)) {
            return LAYER_FAIL(err, net, l, "every dimension of input and output must be between 1 and %d, and their product fit", DIM_MAX);
        }
        SJ_TRY(check_inputs(net, i, err));
        SJ_TRY(check_window(net, l, err));
        SJ_TRY(check_output(net, i, err));
    }
    return SJ_OK;
}
