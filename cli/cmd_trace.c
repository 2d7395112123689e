// SPDX-License-Identifier: Apache-2.0
#include <getopt.h>
#include <inttypes.h>
#include <jansson.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "sj_cli.h"
#include "sj_config.h"
#include "sj_trace.h"
#include "sj_trace_synth.h"

static const char help[] =
    "usage: skipjoule trace info|stats|check [--json] FILE\n"
    "       skipjoule trace synth NETWORK|TOPOLOGY.csv --images N -o FILE [options]\n\n"
    "  info    where the trace is from, its layers with shapes and MACs an image, its steps\n"
    "  stats   per step and layer the share of nonzeros: of the whole batch, and of the stored images\n"
    "  check   every tensor that must be there, shapes, values, links, ledger\n"
    "  synth   write a trace of random operands; 'skipjoule trace synth -h' tells more\n\n"
    "  --json       info, stats: the same as JSON\n"
    "  -h, --help   this text\n";

// Output positions x taps of one dimension that lie inside of the image.
static int64_t taps_inside(int64_t in, int64_t out, int64_t kernel, int64_t stride, int64_t padding) {
    int64_t inside = 0;
    for (int64_t o = 0; o < out; o++) {
        const int64_t first = o * stride - padding, begin = first < 0 ? 0 : first, end = first + kernel < in ? first + kernel : in;
        inside += end > begin ? end - begin : 0;
    }
    return inside;
}

// Multiply-accumulates of one image's forward pass, padding left out. 0 for layers without any.
static int64_t macs_of(const sj_layer_info *l) {
    if (l->kind == SJ_KIND_LINEAR) {
        return l->in.c * l->out.c;
    }
    if (l->kind != SJ_KIND_CONV) {
        return 0;
    }
    return taps_inside(l->in.h, l->out.h, l->kernel_h, l->stride, l->padding) * taps_inside(l->in.w, l->out.w, l->kernel_w, l->stride, l->padding) * (l->in.c / l->groups) * l->out.c;
}

static void shape_text(sj_dims d, char out[48]) { snprintf(out, 48, "%" PRId64 "x%" PRId64 "x%" PRId64, d.h, d.w, d.c); }

static void window_text(const sj_layer_info *l, char out[96]) {
    out[0] = '\0';
    if (l->kind == SJ_KIND_CONV || l->kind == SJ_KIND_MAXPOOL || l->kind == SJ_KIND_AVGPOOL) {
        snprintf(out, 96, "%" PRId64 "x%" PRId64 " /%" PRId64 " +%" PRId64, l->kernel_h, l->kernel_w, l->stride, l->padding);
    }
}

static const char *mode_name(sj_mode mode) { return mode == SJ_MODE_TRAIN ? "train" : "eval"; }

#define ROW_MAX 256

// Without the blanks that empty cells leave at the end.
static void print_row(char row[ROW_MAX]) {
    size_t length = strlen(row);
    while (length > 0 && row[length - 1] == ' ') {
        length--;
    }
    printf("%.*s\n", (int)length, row);
}

// Before anything is printed: what a step's outputs bear can be read.
static sj_status check_penalties(const sj_trace *t, sj_error *err) {
    for (int s = 0; s < sj_trace_step_count(t); s++) {
        for (int i = SJ_INPUT_NETWORK; i < sj_trace_get_network(t)->layer_count; i++) {
            sj_penalty_kind ignored;
            SJ_TRY(sj_trace_read_penalty(t, s, i, &ignored, err));
        }
    }
    return SJ_OK;
}

static sj_penalty_kind penalty_of(const sj_trace *t, int step, int layer) {
    sj_penalty_kind kind;
    sj_error ignored;  // check_penalties came before
    return sj_trace_read_penalty(t, step, layer, &kind, &ignored) == SJ_OK ? kind : SJ_PENALTY_NONE;
}

// "; penalty eat on 3 outputs", the network's input among them.
static void print_penalty(const sj_trace *t, int step, sj_penalty_kind kind) {
    int count = 0;
    for (int i = SJ_INPUT_NETWORK; i < sj_trace_get_network(t)->layer_count; i++) {
        count += penalty_of(t, step, i) == kind;
    }
    if (count > 0) {
        printf("; penalty %s on %d output%s", sj_penalty_name(kind), count, count > 1 ? "s" : "");
    }
}

static void print_step_line(const sj_trace *t, int index) {
    const sj_step_info *s = sj_trace_get_step(t, index);
    printf("step %" PRId64 "  %s, epoch %" PRId64 ", iteration %" PRId64, s->number, mode_name(s->mode), s->epoch, s->iteration);
    if (!isnan(s->loss)) {  // a plan's step has none
        printf(", loss %.4f", s->loss);
    }
    printf("%s%s", s->method_state[0] != '\0' ? ", " : "", s->method_state);
    print_penalty(t, index, SJ_PENALTY_EAT);
    print_penalty(t, index, SJ_PENALTY_L1);
    printf("\n");
}

static sj_status print_info(const sj_trace *t, sj_error *err) {
    SJ_TRY(check_penalties(t, err));
    const sj_trace_meta *m = sj_trace_get_meta(t);
    const sj_network *net = sj_trace_get_network(t);
    printf("%s\n  producer    %s\n  network     %s, %d layers\n  data set    %s\n  method      %s, seed %" PRIu64 "\n  batch size  %" PRId64 "\n  optimizer   %s\n  images      %" PRId64
           " stored a step\n\n",
           sj_trace_path(t), m->producer, m->network, net->layer_count, m->dataset, m->method, m->seed, m->batch_size, sj_optimizer_name(m->optimizer), m->images);
    printf("%3s  %-20s %-10s %-13s %-13s %-12s %14s\n", "", "layer", "kind", "in (HxWxC)", "out", "window /s +p", "MACs an image");
    int64_t total = 0;
    for (int i = 0; i < net->layer_count; i++) {
        const sj_layer_info *l = &net->layers[i];
        char in[48], out[48], window[96], macs[24] = "";
        shape_text(l->in, in);
        shape_text(l->out, out);
        window_text(l, window);
        total += macs_of(l);
        if (macs_of(l) > 0) {
            snprintf(macs, sizeof macs, "%" PRId64, macs_of(l));
        }
        char row[ROW_MAX];
        if (snprintf(row, sizeof row, "%3d  %-20s %-10s %-13s %-13s %-12s %14s", i, l->name, sj_kind_name(l->kind), in, out, window, macs) > 0) {
            print_row(row);
        }
    }
    printf("%3s  %-20s %-10s %-13s %-13s %-12s %14" PRId64 "\n\n", "", "total", "", "", "", "", total);
    for (int i = 0; i < sj_trace_step_count(t); i++) {
        print_step_line(t, i);
    }
    return SJ_OK;
}

static json_t *number_or_null(double value) { return isfinite(value) ? json_real(value) : json_null(); }

static json_t *shape_json(sj_dims d) { return json_pack("[I,I,I]", (json_int_t)d.h, (json_int_t)d.w, (json_int_t)d.c); }

static json_t *layer_json(const sj_network *net, int index) {
    const sj_layer_info *l = &net->layers[index];
    json_t *inputs = json_array();
    for (int i = 0; i < l->input_count; i++) {
        json_array_append_new(inputs, json_string(l->inputs[i] == SJ_INPUT_OWN ? "own" : l->inputs[i] < 0 ? "input" : net->layers[l->inputs[i]].name));
    }
    return json_pack("{s:s, s:s, s:o, s:o, s:o, s:[I,I], s:I, s:I, s:I, s:b, s:b, s:I}", "name", l->name, "kind", sj_kind_name(l->kind), "inputs", inputs, "in", shape_json(l->in), "out",
                     shape_json(l->out), "kernel", (json_int_t)l->kernel_h, (json_int_t)l->kernel_w, "stride", (json_int_t)l->stride, "padding", (json_int_t)l->padding, "groups",
                     (json_int_t)l->groups, "needs_dx", (int)l->needs_dx, "has_bias", (int)l->has_bias, "macs", (json_int_t)macs_of(l));
}

static json_t *step_json(const sj_step_info *s) {
    return json_pack("{s:I, s:s, s:I, s:I, s:o, s:s}", "number", (json_int_t)s->number, "mode", mode_name(s->mode), "epoch", (json_int_t)s->epoch, "iteration", (json_int_t)s->iteration,
                     "loss", number_or_null(s->loss), "method_state", s->method_state);
}

// Prints and releases.
static sj_status print_json(json_t *root, sj_error *err) {
    char *text = root != NULL ? json_dumps(root, JSON_INDENT(2) | JSON_PRESERVE_ORDER | JSON_REAL_PRECISION(9)) : NULL;
    json_decref(root);
    if (text == NULL) {
        return SJ_FAIL(err, SJ_ERR_MEMORY, "no memory for the JSON text, or a string in the trace is not UTF-8");
    }
    puts(text);
    free(text);
    return SJ_OK;
}

// The outputs that bear a penalty, by layer; NULL where none does.
static json_t *penalties_json(const sj_trace *t, int step) {
    json_t *all = NULL;
    for (int i = SJ_INPUT_NETWORK; i < sj_trace_get_network(t)->layer_count; i++) {
        const sj_penalty_kind kind = penalty_of(t, step, i);
        if (kind != SJ_PENALTY_NONE) {
            all = all != NULL ? all : json_object();
            json_object_set_new(all, i < 0 ? "input" : sj_trace_get_network(t)->layers[i].name, json_string(sj_penalty_name(kind)));
        }
    }
    return all;
}

static sj_status print_info_json(const sj_trace *t, sj_error *err) {
    SJ_TRY(check_penalties(t, err));
    const sj_trace_meta *m = sj_trace_get_meta(t);
    const sj_network *net = sj_trace_get_network(t);
    json_t *layers = json_array(), *steps = json_array();
    for (int i = 0; i < net->layer_count; i++) {
        json_array_append_new(layers, layer_json(net, i));
    }
    for (int i = 0; i < sj_trace_step_count(t); i++) {
        json_t *entry = step_json(sj_trace_get_step(t, i)), *penalties = penalties_json(t, i);
        if (penalties != NULL) {
            json_object_set_new(entry, "penalties", penalties);
        }
        json_array_append_new(steps, entry);
    }
    return print_json(json_pack("{s:s, s:s, s:s, s:s, s:I, s:I, s:s, s:I, s:o, s:o}", "producer", m->producer, "network", m->network, "dataset", m->dataset, "method", m->method, "seed",
                                (json_int_t)m->seed, "batch_size", (json_int_t)m->batch_size, "optimizer", sj_optimizer_name(m->optimizer), "images", (json_int_t)m->images, "layers", layers, "steps", steps),
                      err);
}

// Nonzeros and values; a count of 0: there is no such tensor.
typedef struct share {
    int64_t batch_nonzero, batch_count, stored_nonzero, stored_count;
} share;

typedef struct layer_stats {
    share x, w, dy;
    int64_t kept;  // channels; 0: no keep
} layer_stats;

static sj_status add_share(sj_trace *t, int step, int layer, const char *name, share *s, sj_error *err) {
    if (!sj_trace_has(t, step, layer, name)) {
        return SJ_OK;
    }
    sj_tensor tensor;
    SJ_TRY(sj_trace_read(t, step, layer, name, SJ_TYPE_F32, &tensor, err));
    s->batch_nonzero += tensor.full_nonzero;
    s->batch_count += tensor.full_count;
    s->stored_nonzero += sj_tensor_nonzero(&tensor);
    s->stored_count += sj_tensor_count(&tensor);
    sj_tensor_free(&tensor);
    return SJ_OK;
}

static sj_status measure(sj_trace *t, int step, int layer, layer_stats *s, sj_error *err) {
    const sj_layer_info *l = &sj_trace_get_network(t)->layers[layer];
    *s = (layer_stats){0};
    for (int i = 0; i < l->input_count; i++) {
        char name[16] = "x";
        if (l->input_count > 1) {
            snprintf(name, sizeof name, "x%d", i);
        }
        SJ_TRY(add_share(t, step, layer, name, &s->x, err));
    }
    SJ_TRY(add_share(t, step, layer, "w", &s->w, err));
    SJ_TRY(add_share(t, step, layer, "dy", &s->dy, err));
    if (sj_trace_has(t, step, layer, "keep")) {
        sj_tensor keep;
        SJ_TRY(sj_trace_read(t, step, layer, "keep", SJ_TYPE_F32, &keep, err));
        s->kept = keep.dims[0];
        sj_tensor_free(&keep);
    }
    return SJ_OK;
}

static double ratio(int64_t part, int64_t whole) { return whole > 0 ? (double)part / (double)whole : (double)NAN; }

static void share_text(int64_t part, int64_t whole, char out[16]) {
    out[0] = '\0';
    if (whole > 0) {
        snprintf(out, 16, "%.4f", ratio(part, whole));
    }
}

static void print_layer_stats(const sj_layer_info *l, const layer_stats *s) {
    char x[16], x_stored[16], w[16], dy[16], dy_stored[16], kept[48] = "", row[ROW_MAX];
    share_text(s->x.batch_nonzero, s->x.batch_count, x);
    share_text(s->x.stored_nonzero, s->x.stored_count, x_stored);
    share_text(s->w.stored_nonzero, s->w.stored_count, w);
    share_text(s->dy.batch_nonzero, s->dy.batch_count, dy);
    share_text(s->dy.stored_nonzero, s->dy.stored_count, dy_stored);
    if (s->kept > 0) {
        snprintf(kept, sizeof kept, "%" PRId64 "/%" PRId64, s->kept, l->out.c);
    }
    if (snprintf(row, sizeof row, "  %-20s %-10s %8s %8s %8s %8s %8s   %s", l->name, sj_kind_name(l->kind), x, x_stored, w, dy, dy_stored, kept) > 0) {
        print_row(row);
    }
}

static json_t *layer_stats_json(const sj_layer_info *l, const layer_stats *s) {
    return json_pack("{s:s, s:s, s:{s:o, s:o}, s:o, s:{s:o, s:o}, s:o, s:I}", "name", l->name, "kind", sj_kind_name(l->kind), "x", "batch",
                     number_or_null(ratio(s->x.batch_nonzero, s->x.batch_count)), "stored", number_or_null(ratio(s->x.stored_nonzero, s->x.stored_count)), "w",
                     number_or_null(ratio(s->w.stored_nonzero, s->w.stored_count)), "dy", "batch", number_or_null(ratio(s->dy.batch_nonzero, s->dy.batch_count)), "stored",
                     number_or_null(ratio(s->dy.stored_nonzero, s->dy.stored_count)), "kept_channels", s->kept > 0 ? json_integer(s->kept) : json_null(), "channels", (json_int_t)l->out.c);
}

static void print_step_head(const sj_trace *t, const sj_step_info *s, bool first) {
    const sj_trace_meta *m = sj_trace_get_meta(t);
    printf("%sstep %" PRId64 " (%s, epoch %" PRId64 "): share of nonzeros of the whole batch, and of the %" PRId64 " stored images\n", first ? "" : "\n", s->number, mode_name(s->mode), s->epoch,
           m->images);
    printf("  %-20s %-10s %8s %8s %8s %8s %8s   %s\n", "layer", "kind", "x", "stored", "w", "dy", "stored", "kept channels");
}

static sj_status step_stats(sj_trace *t, int step, json_t *json, sj_error *err) {
    const sj_network *net = sj_trace_get_network(t);
    json_t *layers = json != NULL ? json_array() : NULL;
    if (json != NULL) {
        json_t *entry = step_json(sj_trace_get_step(t, step));
        json_object_set_new(entry, "layers", layers);
        json_array_append_new(json, entry);
    } else {
        print_step_head(t, sj_trace_get_step(t, step), step == 0);
    }
    for (int i = 0; i < net->layer_count; i++) {
        if (sj_cli_interrupted()) {
            return SJ_FAIL(err, SJ_ERR_INTERRUPTED, "interrupted");
        }
        layer_stats s;
        SJ_TRY(measure(t, step, i, &s, err));
        if (json != NULL) {
            json_array_append_new(layers, layer_stats_json(&net->layers[i], &s));
        } else {
            print_layer_stats(&net->layers[i], &s);
        }
    }
    return SJ_OK;
}

static sj_status run_stats(sj_trace *t, bool as_json, sj_error *err) {
    json_t *steps = as_json ? json_array() : NULL;
    for (int i = 0; i < sj_trace_step_count(t); i++) {
        if (step_stats(t, i, steps, err) != SJ_OK) {
            json_decref(steps);
            return err->status;
        }
    }
    return as_json ? print_json(json_pack("{s:s, s:o}", "network", sj_trace_get_meta(t)->network, "steps", steps), err) : SJ_OK;
}

typedef enum action { INFO, STATS, CHECK } action;

static sj_status run(action what, const char *path, bool as_json, sj_error *err) {
    sj_trace *t;
    SJ_TRY(sj_trace_open(path, &t, err));
    sj_status status = SJ_OK;
    if (what == INFO && as_json) {
        status = print_info_json(t, err);
    } else if (what == INFO) {
        status = print_info(t, err);
    } else if (what == STATS) {
        status = run_stats(t, as_json, err);
    } else {
        status = sj_trace_check(t, err);
        if (status == SJ_OK) {
            printf("%s: ok, %" PRId64 " tensors checked\n", path, sj_trace_tensor_count(t));
        }
    }
    sj_trace_close(t);
    return status;
}

static sj_status find_action(const char *word, action *out, sj_error *err) {
    static const char *const names[] = {"info", "stats", "check", "synth"};
    for (int i = 0; i < 3; i++) {
        if (strcmp(word, names[i]) == 0) {
            *out = (action)i;
            return SJ_OK;
        }
    }
    if (strcmp(word, names[3]) == 0) {
        return SJ_FAIL(err, SJ_ERR_USAGE, "trace: synth stands right behind trace, its options behind it");
    }
    const char *nearest = sj_nearest_name(word, names, 4);
    return nearest != NULL ? SJ_FAIL(err, SJ_ERR_USAGE, "trace: unknown sub-command \"%s\"; did you mean \"%s\"? There are info, stats, check, synth", word, nearest)
                           : SJ_FAIL(err, SJ_ERR_USAGE, "trace: unknown sub-command \"%s\"; there are info, stats, check, synth", word);
}

sj_status sj_cmd_trace(int argc, char **argv, sj_error *err) {
    static const struct option options[] = {{"json", no_argument, NULL, 'j'}, {"help", no_argument, NULL, 'h'}, {NULL, 0, NULL, 0}};
    bool as_json = false;
    if (argc > 1 && strcmp(argv[1], "synth") == 0) {
        return sj_cli_trace_synth(argc - 1, argv + 1, err);
    }
    opterr = 0;
    optind = 1;
    for (int o; (o = getopt_long(argc, argv, ":h", options, NULL)) != -1;) {
        if (o == 'h') {
            fputs(help, stdout);
            return SJ_OK;
        }
        if (o != 'j') {
            return sj_cli_bad_option("trace", argc, argv, options, err);
        }
        as_json = true;
    }
    action what = INFO;
    if (optind >= argc) {
        return SJ_FAIL(err, SJ_ERR_USAGE, "trace: no sub-command given; there are info, stats, check, synth");
    }
    SJ_TRY(find_action(argv[optind], &what, err));
    if (argc - optind != 2) {
        return SJ_FAIL(err, SJ_ERR_USAGE, "trace %s: it takes one file, not %d", argv[optind], argc - optind - 1);
    }
    if (what == CHECK && as_json) {
        return SJ_FAIL(err, SJ_ERR_USAGE, "trace check: --json goes with info and stats");
    }
    return run(what, argv[optind + 1], as_json, err);
}
