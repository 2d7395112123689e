// SPDX-License-Identifier: Apache-2.0
#include "sj_net.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "sj_config.h"
#include "sj_file.h"

#define LAYERS_MAX 1024
#define CHANNELS_MAX 65536
#define VALUES_MAX 2147483648  // of one image: products of sizes then stay far inside 64 bits

typedef struct reader {
    sj_config *config;
    sj_net *net;
    sj_dims input;
    int64_t classes;
    int layer;
    bool uses_width;
    bool failed;  // shapes of later layers would only repeat the first error
} reader;

static const char *key_path(const reader *r, const char *key, char buffer[128]) {
    (void)snprintf(buffer, 128, "layers.[%d].%s", r->layer, key);
    return buffer;
}

#define FAIL_AT(r, cls, key, ...)                                                     \
    do {                                                                              \
        char fail_path_[128];                                                         \
        sj_config_error((r)->config, (cls), key_path((r), (key), fail_path_), __VA_ARGS__); \
        (r)->failed = true;                                                           \
    } while (0)

static int64_t read_int(reader *r, const char *key, sj_need need, int64_t fallback, int64_t min, int64_t max) {
    char path[128];
    return sj_config_int(r->config, key_path(r, key, path), need, fallback, min, max);
}

static bool has(const reader *r, const char *key) {
    char path[128];
    return sj_config_has(r->config, key_path(r, key, path));
}

static bool read_kind(reader *r, sj_kind *kind) {
    static const sj_kind trained[] = {SJ_KIND_CONV, SJ_KIND_LINEAR, SJ_KIND_BN, SJ_KIND_RELU, SJ_KIND_MAXPOOL, SJ_KIND_AVGPOOL, SJ_KIND_ADD, SJ_KIND_FORK,
                                      SJ_KIND_FLATTEN, SJ_KIND_DROPOUT, SJ_KIND_SOFTMAX_CE};
    enum { TRAINED = sizeof trained / sizeof trained[0] };
    const char *names[TRAINED];
    char path[128];
    const char *word = sj_config_string(r->config, key_path(r, "kind", path), SJ_REQUIRED, "relu");
    for (int i = 0; i < TRAINED; i++) {
        names[i] = sj_kind_name(trained[i]);
        if (strcmp(word, names[i]) == 0) {
            *kind = trained[i];
            return true;
        }
    }
    const char *nearest = sj_nearest_name(word, names, TRAINED);
    FAIL_AT(r, SJ_CFG_RANGE, "kind", "unknown layer kind \"%s\"%s%s%s; the trainer has conv, linear, bn, relu, maxpool, avgpool, add, fork, flatten, dropout, softmax_ce", word,
            nearest != NULL ? " (did you mean \"" : "", nearest != NULL ? nearest : "", nearest != NULL ? "\"?)" : "");
    return false;
}

static int find_layer(const reader *r, const char *name) {
    for (int i = 0; i < r->layer; i++) {
        if (strcmp(r->net->network.layers[i].name, name) == 0) {
            return i;
        }
    }
    return -2;
}

static void read_inputs(reader *r, sj_layer_info *l) {
    l->input_count = 1;
    l->inputs[0] = r->layer - 1;
    if (!has(r, "from")) {
        if (l->kind == SJ_KIND_ADD) {
            FAIL_AT(r, SJ_CFG_MISSING, "from", "an add layer names its two inputs: from = [\"a\", \"b\"]");
        }
        return;
    }
    char path[128], item[160];
    const int want = l->kind == SJ_KIND_ADD ? 2 : 1;
    const int count = sj_config_length(r->config, key_path(r, "from", path), SJ_REQUIRED);
    l->input_count = want;
    if (count != want) {
        FAIL_AT(r, SJ_CFG_RANGE, "from", "%d inputs; a layer of kind %s has %d", count, sj_kind_name(l->kind), want);
    }
    for (int i = 0; i < count; i++) {
        (void)snprintf(item, sizeof item, "%s.[%d]", path, i);
        const char *name = sj_config_string(r->config, item, SJ_REQUIRED, "input");
        const int from = strcmp(name, "input") == 0 ? -1 : find_layer(r, name);
        if (from == -2) {
            FAIL_AT(r, SJ_CFG_RANGE, "from", "no layer \"%s\" stands before layer \"%s\"", name, l->name);
        } else if (i < want) {
            l->inputs[i] = from;
        }
    }
}

static bool is_array(const reader *r, const char *key) {
    char item[32];
    (void)snprintf(item, sizeof item, "%s.[0]", key);
    return has(r, item);
}

// A key of one number or of two in an array; how many.
static int read_pair(reader *r, const char *key, int64_t max, int64_t out[2]) {
    char path[128], item[32];
    if (!is_array(r, key)) {
        out[0] = out[1] = read_int(r, key, SJ_REQUIRED, 1, 1, max);
        return 1;
    }
    const int count = sj_config_length(r->config, key_path(r, key, path), SJ_REQUIRED);
    for (int i = 0; i < count; i++) {
        (void)snprintf(item, sizeof item, "%s.[%d]", key, i);
        const int64_t value = read_int(r, item, SJ_REQUIRED, 1, 1, max);
        out[i > 0 ? 1 : 0] = value;
    }
    if (count != 2) {
        out[1] = 1;
        FAIL_AT(r, SJ_CFG_RANGE, key, "\"%s\" of layer \"%s\" has %d numbers; one, or an array of two, is needed", key, r->net->network.layers[r->layer].name, count);
    }
    return 2;
}

// out_width = n: n times the width. [n, d]: n d-ths of it, rounded up.
static int64_t read_scaled(reader *r) {
    int64_t factor[2];
    const int64_t divisor = read_pair(r, "out_width", 1024, factor) == 2 ? factor[1] : 1;
    r->uses_width = true;
    return (factor[0] * r->net->width + divisor - 1) / divisor;
}

static int64_t read_out(reader *r) {
    char path[128];
    const int given = (int)has(r, "out") + (int)has(r, "out_width") + (int)has(r, "out_classes");
    int64_t out = 1;
    if (has(r, "out")) {
        out = read_int(r, "out", SJ_REQUIRED, 1, 1, CHANNELS_MAX);
    }
    if (has(r, "out_width")) {
        out = read_scaled(r);
    }
    if (has(r, "out_classes")) {
        (void)sj_config_bool(r->config, key_path(r, "out_classes", path), SJ_REQUIRED, true);
        out = r->classes;
    }
    if (given != 1) {
        FAIL_AT(r, SJ_CFG_MISSING, "out", "%d of out, out_width and out_classes are given; exactly one is needed", given);
    }
    return out;
}

// A pool told by its output: windows of one size that neither overlap nor leave anything out.
static void read_adaptive(reader *r, sj_layer_info *l) {
    int64_t out[2];
    (void)read_pair(r, "adaptive", CHANNELS_MAX, out);
    if (r->failed) {
        return;
    }
    if (l->in.h % out[0] != 0 || l->in.w % out[1] != 0) {
        FAIL_AT(r, SJ_CFG_RANGE, "adaptive", "layer \"%s\" pools %lldx%lld to %lldx%lld; windows must be of one size: the input a multiple of the output", l->name, (long long)l->in.h,
                (long long)l->in.w, (long long)out[0], (long long)out[1]);
        return;
    }
    l->kernel_h = l->in.h / out[0];
    l->kernel_w = l->in.w / out[1];
    l->stride = out[0] > 1 ? l->kernel_h : l->kernel_w;  // along a side of one window it means nothing
    if (out[0] > 1 && out[1] > 1 && l->kernel_h != l->kernel_w) {
        FAIL_AT(r, SJ_CFG_RANGE, "adaptive", "layer \"%s\" pools %lldx%lld to %lldx%lld: windows of %lldx%lld would need two strides; one is allowed", l->name, (long long)l->in.h,
                (long long)l->in.w, (long long)out[0], (long long)out[1], (long long)l->kernel_h, (long long)l->kernel_w);
    }
}

static void read_kernel(reader *r, sj_layer_info *l) {
    char path[128];
    const bool pool = l->kind != SJ_KIND_CONV;
    if (l->kind == SJ_KIND_AVGPOOL && has(r, "global")) {
        if (!sj_config_bool(r->config, key_path(r, "global", path), SJ_REQUIRED, true)) {
            FAIL_AT(r, SJ_CFG_RANGE, "global", "false; leave the key out and give a kernel");
        }
        l->kernel_h = l->in.h;
        l->kernel_w = l->in.w;
        return;
    }
    if (l->kind == SJ_KIND_AVGPOOL && has(r, "adaptive")) {
        read_adaptive(r, l);
        return;
    }
    if (has(r, "kernel_h") || has(r, "kernel_w")) {
        l->kernel_h = read_int(r, "kernel_h", SJ_REQUIRED, 1, 1, 64);
        l->kernel_w = read_int(r, "kernel_w", SJ_REQUIRED, 1, 1, 64);
    } else {
        l->kernel_h = l->kernel_w = read_int(r, "kernel", SJ_REQUIRED, 1, 1, 64);
    }
    l->stride = read_int(r, "stride", SJ_OPTIONAL, pool ? l->kernel_h : 1, 1, 64);
    const int64_t smaller = l->kernel_h < l->kernel_w ? l->kernel_h : l->kernel_w;
    l->padding = read_int(r, "padding", SJ_OPTIONAL, 0, 0, pool ? smaller / 2 : 64);
}

static void read_window(reader *r, sj_layer_info *l) {
    read_kernel(r, l);
    if (r->failed) {
        return;
    }
    const int64_t h = l->in.h + 2 * l->padding - l->kernel_h, w = l->in.w + 2 * l->padding - l->kernel_w;
    if (h < 0 || w < 0) {
        FAIL_AT(r, SJ_CFG_RANGE, "kernel", "layer \"%s\": a kernel of %lldx%lld does not fit into an input of %lldx%lld with padding %lld", l->name,
                (long long)l->kernel_h, (long long)l->kernel_w, (long long)l->in.h, (long long)l->in.w, (long long)l->padding);
        return;
    }
    l->out.h = h / l->stride + 1;
    l->out.w = w / l->stride + 1;
}

static sj_dims dims_of(const reader *r, int layer) { return layer < 0 ? r->input : r->net->network.layers[layer].out; }

static void check_same_dims(reader *r, const sj_layer_info *l) {
    const sj_dims a = dims_of(r, l->inputs[0]), b = dims_of(r, l->inputs[1]);
    if (a.h != b.h || a.w != b.w || a.c != b.c) {
        FAIL_AT(r, SJ_CFG_RANGE, "from", "layer \"%s\" adds %lldx%lldx%lld to %lldx%lldx%lld; both must be equal", l->name, (long long)b.h, (long long)b.w,
                (long long)b.c, (long long)a.h, (long long)a.w, (long long)a.c);
    }
}

static void read_dropout(reader *r) {
    char path[128];
    const double p = sj_config_float(r->config, key_path(r, "p", path), SJ_REQUIRED, 0.0, 0.0, 1.0);
    if ((float)p >= 1.0F) {
        FAIL_AT(r, SJ_CFG_RANGE, "p", "layer \"%s\": p is 1 and nothing would be left; at least 0 and below 1 is allowed", r->net->network.layers[r->layer].name);
    }
    r->net->dropout_p[r->layer] = (float)p;
}

static void read_shape(reader *r, sj_layer_info *l) {
    char path[128];
    l->in = l->out = dims_of(r, l->inputs[0]);
    l->kernel_h = l->kernel_w = l->stride = l->groups = 1;
    if (l->kind == SJ_KIND_CONV || l->kind == SJ_KIND_MAXPOOL || l->kind == SJ_KIND_AVGPOOL) {
        read_window(r, l);
    }
    if (l->kind == SJ_KIND_CONV || l->kind == SJ_KIND_LINEAR) {
        l->out.c = read_out(r);
        l->has_bias = sj_config_bool(r->config, key_path(r, "bias", path), SJ_OPTIONAL, l->kind == SJ_KIND_LINEAR);
    }
    if (l->kind == SJ_KIND_DROPOUT) {
        read_dropout(r);
    }
    if (l->kind == SJ_KIND_FLATTEN) {
        l->out = (sj_dims){1, 1, sj_dims_count(l->in)};
    }
    if (l->kind == SJ_KIND_LINEAR && l->in.h * l->in.w != 1) {
        FAIL_AT(r, SJ_CFG_RANGE, "kind", "linear layer \"%s\" reads %lldx%lldx%lld; put a flatten or a global avgpool before it", l->name, (long long)l->in.h,
                (long long)l->in.w, (long long)l->in.c);
    }
    if (l->kind == SJ_KIND_ADD) {
        check_same_dims(r, l);
    }
    if (sj_dims_count(l->out) > VALUES_MAX) {
        FAIL_AT(r, SJ_CFG_RANGE, "name", "the output of layer \"%s\" has %lldx%lldx%lld values an image; at most %lld are allowed", l->name, (long long)l->out.h,
                (long long)l->out.w, (long long)l->out.c, (long long)VALUES_MAX);
    }
    if (l->kind == SJ_KIND_SOFTMAX_CE && (l->in.h * l->in.w != 1 || l->in.c != r->classes)) {
        FAIL_AT(r, SJ_CFG_RANGE, "kind", "softmax_ce reads %lldx%lldx%lld; the data set has %lld classes: 1x1x%lld is needed", (long long)l->in.h, (long long)l->in.w,
                (long long)l->in.c, (long long)r->classes, (long long)r->classes);
    }
}

// After an error the other keys are only read for what they are, so that they are not taken for unknown ones.
static void touch_keys(reader *r) {
    static const char *const ints[] = {"out", "kernel", "kernel_h", "kernel_w", "stride", "padding"};
    static const char *const bools[] = {"out_classes", "bias", "global"}, *const arrays[] = {"out_width", "adaptive", "from"};
    char path[128], item[160];
    (void)sj_config_string(r->config, key_path(r, "kind", path), SJ_REQUIRED, "");
    (void)sj_config_string(r->config, key_path(r, "name", path), SJ_REQUIRED, "");
    for (size_t i = 0; i < sizeof ints / sizeof ints[0]; i++) {
        (void)read_int(r, ints[i], SJ_OPTIONAL, 0, 0, CHANNELS_MAX);
    }
    for (size_t i = 0; i < sizeof bools / sizeof bools[0]; i++) {
        (void)sj_config_bool(r->config, key_path(r, bools[i], path), SJ_OPTIONAL, false);
    }
    (void)sj_config_float(r->config, key_path(r, "p", path), SJ_OPTIONAL, 0.0, -1e300, 1e300);
    for (size_t i = 0; i < sizeof arrays / sizeof arrays[0]; i++) {
        const int length = is_array(r, arrays[i]) ? sj_config_length(r->config, key_path(r, arrays[i], path), SJ_REQUIRED) : 0;
        for (int j = 0; j < length; j++) {
            (void)snprintf(item, sizeof item, "%s.[%d]", path, j);
            if (strcmp(arrays[i], "from") == 0) {
                (void)sj_config_string(r->config, item, SJ_REQUIRED, "");
            } else {
                (void)sj_config_int(r->config, item, SJ_REQUIRED, 0, 0, CHANNELS_MAX);
            }
        }
        if (length == 0 && strcmp(arrays[i], "from") != 0) {
            (void)read_int(r, arrays[i], SJ_OPTIONAL, 0, 0, CHANNELS_MAX);
        }
    }
}

static void read_layer(reader *r) {
    char path[128];
    sj_layer_info *l = &r->net->network.layers[r->layer];
    const char *name = sj_config_string(r->config, key_path(r, "name", path), SJ_REQUIRED, "");
    if (strlen(name) >= SJ_NAME_MAX || strchr(name, '/') != NULL || strcmp(name, "input") == 0) {
        FAIL_AT(r, SJ_CFG_RANGE, "name", "\"%s\": a layer's name has at most %d characters, no '/', and is not \"input\"", name, SJ_NAME_MAX - 1);
    }
    if (find_layer(r, name) != -2) {
        FAIL_AT(r, SJ_CFG_RANGE, "name", "two layers are named \"%s\"", name);
    }
    (void)snprintf(l->name, sizeof l->name, "%s", name);
    if (read_kind(r, &l->kind)) {
        read_inputs(r, l);
    }
    if (!r->failed) {
        read_shape(r, l);
    }
    if (r->failed) {
        touch_keys(r);
    }
}

// Each value has one reader, a fork at least two, softmax_ce none and stands last.
static void check_readers(reader *r) {
    const sj_network *net = &r->net->network;
    const int last = net->layer_count - 1;
    for (r->layer = 0; r->layer <= last && !r->failed; r->layer++) {
        const sj_layer_info *l = &net->layers[r->layer];
        int readers = 0;
        for (int i = r->layer + 1; i <= last; i++) {
            for (int j = 0; j < net->layers[i].input_count; j++) {
                readers += net->layers[i].inputs[j] == r->layer;
            }
        }
        if ((l->kind == SJ_KIND_SOFTMAX_CE) != (r->layer == last)) {
            FAIL_AT(r, SJ_CFG_RANGE, "kind", "layer \"%s\": softmax_ce must be the last layer and only the last", l->name);
        } else if (l->kind == SJ_KIND_FORK ? readers < 2 : r->layer < last && readers != 1) {
            FAIL_AT(r, SJ_CFG_RANGE, "name", "the output of layer \"%s\" (%s) has %d readers; a fork has at least 2, any other layer exactly 1", l->name,
                    sj_kind_name(l->kind), readers);
        }
    }
}

static bool has_parameters(sj_kind kind) { return kind == SJ_KIND_CONV || kind == SJ_KIND_LINEAR || kind == SJ_KIND_BN; }

// An input's gradient is needed where something before it learns.
static void find_needs_dx(sj_network *net) {
    for (int i = 0; i < net->layer_count; i++) {
        sj_layer_info *l = &net->layers[i];
        l->needs_dx = false;
        for (int j = 0; j < l->input_count; j++) {
            const int from = l->inputs[j];
            l->needs_dx |= from >= 0 && (net->layers[from].needs_dx || has_parameters(net->layers[from].kind));
        }
    }
}

// What the network is made for; the caller's sizes go before.
static void read_sizes(reader *r) {
    const sj_need need = r->input.h == 0 ? SJ_REQUIRED : SJ_OPTIONAL;
    int64_t own[3] = {1, 1, 1};
    if (sj_config_has(r->config, "input") || need == SJ_REQUIRED) {
        const int length = sj_config_length(r->config, "input", need);
        if (length != 3 && sj_config_has(r->config, "input")) {
            sj_config_error(r->config, SJ_CFG_RANGE, "input", "%d numbers; height, width and channels of an image are needed", length);
        }
        for (int i = 0; i < length; i++) {
            char path[32];
            (void)snprintf(path, sizeof path, "input.[%d]", i);
            const int64_t size = sj_config_int(r->config, path, SJ_REQUIRED, 1, 1, CHANNELS_MAX);
            own[i < 3 ? i : 2] = size;
        }
    }
    const int64_t classes = sj_config_int(r->config, "classes", r->classes == 0 ? SJ_REQUIRED : SJ_OPTIONAL, 1, 1, CHANNELS_MAX);
    r->input = r->input.h == 0 ? (sj_dims){own[0], own[1], own[2]} : r->input;
    r->classes = r->classes == 0 ? classes : r->classes;
}

// A width that no layer looks at is a mistake, whoever gives it.
static void check_width(reader *r, int64_t width) {
    sj_net *net = r->net;
    if (r->uses_width) {
        return;
    }
    if (width > 0 || sj_config_has(r->config, "width")) {
        sj_config_error(r->config, SJ_CFG_RANGE, "width", "%s is %lld, but no layer of network \"%s\" has out_width; leave it out%s", width > 0 ? "network.width" : "width",
                        (long long)net->width, net->network.name, width > 0 ? ", or give 0" : "");
    }
    net->width = 0;
}

static void read_all(reader *r, int64_t width) {
    sj_net *net = r->net;
    read_sizes(r);
    const char *name = sj_config_string(r->config, "name", SJ_REQUIRED, "");
    (void)snprintf(net->network.name, sizeof net->network.name, "%.*s", SJ_NAME_MAX - 1, name);
    const int64_t own = sj_config_int(r->config, "width", SJ_OPTIONAL, 1, 1, 4096);
    net->width = width > 0 ? width : own;
    net->bn_eps = sj_config_float(r->config, "bn.eps", SJ_OPTIONAL, 1e-5, 1e-12, 1.0);
    net->bn_momentum = sj_config_float(r->config, "bn.momentum", SJ_OPTIONAL, 0.1, 0.0, 1.0);
    for (r->layer = 0; r->layer < net->network.layer_count; r->layer++) {
        if (r->failed) {
            touch_keys(r);
        } else {
            read_layer(r);
        }
    }
    if (!r->failed) {
        check_readers(r);
    }
    if (!r->failed) {
        check_width(r, width);
    }
    find_needs_dx(&net->network);
}

static sj_status read_config(reader *r, int64_t width, sj_error *err) {
    sj_net *net = r->net;
    int count = sj_config_length(r->config, "layers", SJ_REQUIRED);
    if (count > LAYERS_MAX) {
        sj_config_error(r->config, SJ_CFG_RANGE, "layers", "%d layers; at most %d are allowed", count, LAYERS_MAX);
        count = LAYERS_MAX;
    }
    SJ_TRY(sj_alloc((void **)&net->network.layers, (uint64_t)(count > 0 ? count : 1), sizeof(sj_layer_info), "the layer table", err));
    net->network.layer_count = count;
    SJ_TRY(sj_alloc((void **)&net->dropout_p, (uint64_t)(count > 0 ? count : 1), sizeof *net->dropout_p, "the layer table", err));
    read_all(r, width);
    const bool failed = r->failed;  // was told as an error of the file
    SJ_TRY(sj_config_finish(r->config, err));
    if (failed) {
        return SJ_FAIL(err, SJ_ERR_INTERNAL, "%s: a network error was not reported", sj_config_path(r->config));
    }
    return sj_network_check(&net->network, err);
}

sj_status sj_net_read_set(const char *path, const char *const *sets, int set_count, sj_dims input, int64_t classes, int64_t width, sj_net *out, sj_error *err) {
    memset(out, 0, sizeof *out);
    reader r = {.net = out, .input = input, .classes = classes};
    SJ_TRY(sj_config_open(path, &r.config, err));
    sj_status status = SJ_OK;
    for (int i = 0; i < set_count && status == SJ_OK; i++) {
        status = sj_config_override(r.config, sets[i], err);
    }
    status = status == SJ_OK ? read_config(&r, width, err) : status;
    sj_config_close(r.config);
    if (status != SJ_OK) {
        sj_net_free(out);
    }
    return status;
}
sj_status sj_net_read(const char *path, sj_dims input, int64_t classes, int64_t width, sj_net *out, sj_error *err) {
    return sj_net_read_set(path, NULL, 0, input, classes, width, out, err);
}

void sj_net_free(sj_net *net) {
    sj_network_free(&net->network);
    free(net->dropout_p);
    memset(net, 0, sizeof *net);
}
