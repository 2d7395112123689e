// SPDX-License-Identifier: Apache-2.0
// What FORMAT.md, "Synthetic traces", promises.
#include <inttypes.h>
#include <math.h>

#include "folder.h"
#include "sj_bf16.h"
#include "sj_file.h"
#include "sj_net.h"
#include "sj_synth.h"

static sj_error err;

static void ok(sj_status status) {
    if (status != SJ_OK) {
        fail_msg("%s", err.message);
    }
}

static const sj_synth_options usual = {.x = 0.5, .w = 0.75, .dy = 0.3, .images = 2, .batch_size = 5, .seed = 11, .type = SJ_TYPE_BF16, .mode = SJ_MODE_TRAIN};

static sj_net shipped(const char *name, const char *set) {
    char path[512];
    snprintf(path, sizeof path, SJ_SOURCE_DIR "/models/%s.cfg", name);
    sj_net net;
    ok(sj_net_read_set(path, &set, set != NULL, (sj_dims){0, 0, 0}, 0, 0, &net, &err));
    return net;
}

// Writes, checks and opens a trace.
static sj_trace *make(const char *path, const sj_network *net, const sj_synth_options *o) {
    sj_trace *t;
    ok(sj_synth_write(path, "test", net, o, &err));
    ok(sj_trace_open(path, &t, &err));
    ok(sj_trace_check(t, &err));
    return t;
}

static sj_trace *make_shipped(const char *path, const char *name, const char *set, const sj_synth_options *o) {
    sj_net net = shipped(name, set);
    sj_trace *t = make(path, &net.network, o);
    sj_net_free(&net);
    return t;
}

static int find_in(const sj_network *net, const char *layer) {
    for (int i = 0; i < net->layer_count; i++) {
        if (strcmp(net->layers[i].name, layer) == 0) {
            return i;
        }
    }
    fail_msg("no layer %s", layer);
    return -1;
}

static int find(const sj_trace *t, const char *layer) { return find_in(sj_trace_get_network(t), layer); }

static sj_tensor read_tensor(sj_trace *t, const char *layer, const char *name) {
    sj_tensor tensor;
    ok(sj_trace_read(t, 0, find(t, layer), name, SJ_TYPE_F32, &tensor, &err));
    return tensor;
}

static double at(const sj_tensor *t, int64_t i) {
    switch (t->type) {
        case SJ_TYPE_BF16: return (double)sj_bf16_to_f32(((const sj_bf16 *)t->data)[i]);
        case SJ_TYPE_F32: return (double)((const float *)t->data)[i];
        case SJ_TYPE_I8: return ((const int8_t *)t->data)[i];
        case SJ_TYPE_I32: return ((const int32_t *)t->data)[i];
        default: return ((const uint8_t *)t->data)[i];
    }
}

static void assert_density(sj_trace *t, const char *layer, const char *name, double wanted) {
    sj_tensor v = read_tensor(t, layer, name);
    const double count = (double)sj_tensor_count(&v), met = (double)sj_tensor_nonzero(&v);
    if (fabs(met - wanted * count) > 6.0 * sqrt(wanted * (1.0 - wanted) * count)) {
        fail_msg("%s/%s: %g of %g values are not zero; %g are asked for", layer, name, met, count, wanted);
    }
    sj_tensor_free(&v);
}

static void densities_are_what_was_asked_for(void **state) {
    sj_trace *t = make_shipped("a.h5", "resnet18", "width=8", &usual);
    assert_density(t, "conv1", "x", 1.0);
    assert_density(t, "s1b1_conv1", "x", 0.5);
    assert_density(t, "s1b1_conv2", "x", 0.5);
    assert_density(t, "s2b1_short", "x", 0.5);
    assert_density(t, "fc", "x", 0.5);
    assert_density(t, "s1b1_bn1", "x", 1.0);
    assert_density(t, "s1b1_relu1", "x", 1.0);
    assert_density(t, "s1b1_add", "x0", 1.0);
    assert_density(t, "s1b1_add", "x1", 0.5);
    assert_density(t, "conv1", "w", 0.75);
    assert_density(t, "fc", "w", 0.75);
    assert_density(t, "conv1", "dy", 0.3);
    assert_density(t, "s4b2_conv2", "dy", 0.3);
    assert_density(t, "fc", "dy", 0.3);
    assert_density(t, "s1b1_relu1", "dy", 1.0);
    assert_density(t, "s1b1_bn1", "dy", 0.5);
    sj_trace_close(t);
    t = make_shipped("b.h5", "lenet5", NULL, &usual);
    assert_density(t, "conv2", "x", 0.5);
    assert_density(t, "fc1", "x", 0.5);
    assert_density(t, "relu1", "dy", 0.25);  // a 2x2 max pool behind it
    sj_trace_close(t);
}

static void shares_of_zero_and_one_are_exact(void **state) {
    sj_synth_options o = usual;
    for (int i = 0; i < 2; i++) {
        o.x = o.w = o.dy = i;
        sj_trace *t = make_shipped("a.h5", "lenet5", NULL, &o);
        assert_density(t, "conv2", "x", i);
        assert_density(t, "conv2", "w", i);
        assert_density(t, "conv2", "dy", i);
        assert_density(t, "conv1", "x", 1.0);
        sj_trace_close(t);
    }
}

static void a_relus_output_is_what_its_input_says(void **state) {
    static const char *const pairs[][2] = {{"s1b1_relu1", "s1b1_conv2"}, {"s2b2_relu2", "s3b1_conv1"}, {"relu1", "s1b1_fork"}};
    sj_trace *t = make_shipped("a.h5", "resnet18", "width=8", &usual);
    for (int p = 0; p < 3; p++) {
        sj_tensor before = read_tensor(t, pairs[p][0], "x"), behind = read_tensor(t, pairs[p][1], "x");
        int64_t negative = 0;
        assert_int_equal(sj_tensor_count(&before), sj_tensor_count(&behind));
        for (int64_t i = 0; i < sj_tensor_count(&before); i++) {
            const double v = at(&before, i);
            assert_true(at(&behind, i) == (v > 0.0 ? v : 0.0));
            negative += v < 0.0;
        }
        assert_true(negative > 0);
        sj_tensor_free(&before);
        sj_tensor_free(&behind);
    }
    sj_tensor output = read_tensor(t, "s1b1_conv2", "x"), dy = read_tensor(t, "s1b1_bn1", "dy"), behind = read_tensor(t, "s1b1_relu1", "dy");
    for (int64_t i = 0; i < sj_tensor_count(&dy); i++) {
        assert_true(at(&dy, i) == (at(&output, i) > 0.0 ? at(&behind, i) : 0.0));
    }
    sj_tensor_free(&output);
    sj_tensor_free(&dy);
    sj_tensor_free(&behind);
    sj_trace_close(t);
}

static void values_are_modest(void **state) {
    sj_trace *t = make_shipped("a.h5", "cnn8", NULL, &usual);
    static const char *const names[] = {"x", "w", "dy"};
    for (int n = 0; n < 3; n++) {
        sj_tensor v = read_tensor(t, "conv5", names[n]);
        int64_t signs[2] = {0, 0};
        for (int64_t i = 0; i < sj_tensor_count(&v); i++) {
            const double size = fabs(at(&v, i));
            assert_true(size == 0.0 ? !signbit(at(&v, i)) : size >= 0x1p-7 && size < 0x1p8);
            signs[at(&v, i) < 0.0] += size != 0.0;
        }
        assert_true(n == 0 ? signs[1] == 0 : llabs(signs[0] - signs[1]) < 6 * (int64_t)sqrt((double)(signs[0] + signs[1])));
        sj_tensor_free(&v);
    }
    sj_trace_close(t);
}

static void a_smaller_share_leaves_a_part_of_the_same_values(void **state) {
    sj_synth_options more = usual, less = usual;
    less.x = 0.2;
    less.w = 0.5;
    less.dy = 0.1;
    static const char *const names[] = {"x", "w", "dy"};
    sj_trace *a = make_shipped("a.h5", "cnn8", NULL, &more), *b = make_shipped("b.h5", "cnn8", NULL, &less);
    for (int n = 0; n < 3; n++) {
        sj_tensor large = read_tensor(a, "conv4", names[n]), small = read_tensor(b, "conv4", names[n]);
        for (int64_t i = 0; i < sj_tensor_count(&small); i++) {
            assert_true(at(&small, i) == 0.0 || at(&small, i) == at(&large, i));
        }
        assert_true(sj_tensor_nonzero(&small) < sj_tensor_nonzero(&large));
        sj_tensor_free(&large);
        sj_tensor_free(&small);
    }
    sj_trace_close(a);
    sj_trace_close(b);
}

static void types_have_the_same_zeros(void **state) {
    sj_synth_options o = usual;
    sj_trace *t[3];
    const sj_type types[3] = {SJ_TYPE_BF16, SJ_TYPE_F32, SJ_TYPE_I8};
    sj_tensor v[3];
    char path[8] = "0.h5";
    for (int i = 0; i < 3; i++, path[0]++) {
        o.type = types[i];
        t[i] = make_shipped(path, "cnn8", NULL, &o);
        v[i] = read_tensor(t[i], "conv4", "dy");
        assert_int_equal(v[i].type, types[i]);
    }
    assert_true(v[2].scale == SJ_SYNTH_INT8_SCALE);
    for (int64_t i = 0; i < sj_tensor_count(&v[0]); i++) {
        const double bf16 = at(&v[0], i), f32 = at(&v[1], i), i8 = at(&v[2], i);
        assert_true((bf16 == 0.0) == (f32 == 0.0) && (bf16 == 0.0) == (i8 == 0.0));
        assert_true((bf16 < 0.0) == (f32 < 0.0) && (bf16 < 0.0) == (i8 < 0.0));
        assert_true(i8 >= -127.0);
    }
    for (int i = 0; i < 3; i++) {
        sj_tensor_free(&v[i]);
        sj_trace_close(t[i]);
    }
}

static void channels_are_kept(void **state) {
    sj_synth_options o = usual;
    o.select = true;
    o.channel_keep = 0.2;
    sj_trace *t = make_shipped("a.h5", "cnn8", NULL, &o);
    sj_tensor few = read_tensor(t, "conv4", "keep"), one;
    assert_int_equal(few.dims[0], 12);  // int(0.2 * 64)
    for (int64_t i = 1; i < 12; i++) {
        assert_true(at(&few, i) > at(&few, i - 1));
    }
    one = read_tensor(t, "fc", "keep");
    assert_int_equal(one.dims[0], 2);
    assert_false(sj_trace_has(t, 0, find(t, "bn1"), "keep"));
    assert_density(t, "conv4", "dy", 0.3);  // before the selection
    sj_tensor_free(&one);
    sj_trace_close(t);
    o.channel_keep = 0.5;
    t = make_shipped("b.h5", "cnn8", NULL, &o);
    sj_tensor many = read_tensor(t, "conv4", "keep");
    assert_int_equal(many.dims[0], 32);
    for (int64_t i = 0, j = 0; i < 12; i++) {
        for (; j < 32 && at(&many, j) != at(&few, i); j++) {
        }
        assert_true(j < 32);
    }
    sj_tensor_free(&few);
    sj_tensor_free(&many);
    sj_trace_close(t);
    o.channel_keep = 0.0;  // at least one
    t = make_shipped("c.h5", "cnn8", NULL, &o);
    one = read_tensor(t, "conv4", "keep");
    assert_int_equal(one.dims[0], 1);
    sj_tensor_free(&one);
    sj_trace_close(t);
    o.channel_keep = 1.0;
    t = make_shipped("d.h5", "cnn8", NULL, &o);
    one = read_tensor(t, "conv4", "keep");
    assert_int_equal(one.dims[0], 64);
    sj_tensor_free(&one);
    sj_trace_close(t);
    t = make_shipped("e.h5", "cnn8", NULL, &usual);
    assert_false(sj_trace_has(t, 0, find(t, "conv4"), "keep"));
    sj_trace_close(t);
}

enum { LONGEST_CHAIN = 17 };

// A convolution and a ReLU, then `count` times a sum with another convolution and the sum's ReLU.
static sj_network chain_of_relus(sj_layer_info *layers, int count) {
    const sj_dims d = {40, 40, 8};
    int last = -1;
    for (int i = 0; i <= count; i++) {
        sj_layer_info *l = &layers[last + 1];
        l[0] = (sj_layer_info){"", SJ_KIND_CONV, 1, {SJ_INPUT_OWN}, d, d, 1, 1, 1, 0, 1, true, false};
        snprintf(l[0].name, sizeof l[0].name, "conv%d", i);
        if (i > 0) {
            *++l = (sj_layer_info){"", SJ_KIND_ADD, 2, {last, last + 1}, d, d, 1, 1, 1, 0, 1, true, false};
            snprintf(l->name, sizeof l->name, "add%d", i);
        }
        l[1] = (sj_layer_info){"", SJ_KIND_RELU, 1, {(int)(l - layers)}, d, d, 1, 1, 1, 0, 1, true, false};
        snprintf(l[1].name, sizeof l[1].name, "relu%d", i);
        last = (int)(l + 1 - layers);
    }
    return (sj_network){"chain", last + 1, layers};
}

// Without batch norm zeros of gradients come to the products: from the ReLU behind conv1 (half) and the pool behind that (a quarter).
static void gradients_follow_the_network(void **state) {
    sj_synth_options o = usual;
    o.dy_follows = true;
    sj_trace *t = make_shipped("a.h5", "lenet5", NULL, &o);
    assert_density(t, "relu1", "dy", 0.25);
    assert_density(t, "conv1", "dy", 0.125);
    assert_density(t, "conv2", "dy", 0.125);
    assert_density(t, "fc1", "dy", 0.5);
    assert_density(t, "fc3", "dy", 1.0);
    sj_trace_close(t);
    t = make_shipped("b.h5", "resnet18", "width=8", &o);
    assert_density(t, "s1b1_conv1", "dy", 1.0);  // a batch norm behind it
    assert_density(t, "s1b1_bn1", "dy", 0.5);
    assert_density(t, "fc", "dy", 1.0);
    sj_trace_close(t);
}

// A penalty's slope fills zeros: all of a convolution's, of a ReLU's output those where it is not 0.
static void penalties_fill_gradients(void **state) {
    sj_net net = shipped("lenet5", NULL);
    sj_penalty_kind penalties[64] = {SJ_PENALTY_NONE};
    sj_synth_options o = usual;
    o.dy_follows = true;
    o.penalties = penalties;
    penalties[1 + find_in(&net.network, "conv1")] = SJ_PENALTY_EAT;
    sj_trace *t = make("a.h5", &net.network, &o);
    assert_density(t, "conv1", "dy", 1.0);
    assert_density(t, "conv2", "dy", 0.125);
    sj_trace_close(t);
    penalties[1 + find_in(&net.network, "conv1")] = SJ_PENALTY_NONE;
    penalties[1 + find_in(&net.network, "relu1")] = SJ_PENALTY_L1;
    t = make("b.h5", &net.network, &o);
    assert_density(t, "relu1", "dy", 0.5);
    assert_density(t, "conv1", "dy", 0.5);  // the same zeros
    assert_density(t, "conv2", "dy", 0.125);
    sj_trace_close(t);
    penalties[1 + find_in(&net.network, "relu3")] = SJ_PENALTY_EAT;  // what comes from fc2 is dense: nothing is left to fill
    t = make("d.h5", &net.network, &o);
    assert_density(t, "relu3", "dy", 1.0);
    assert_density(t, "fc1", "dy", 0.5);
    sj_trace_close(t);
    sj_net_free(&net);
    net = shipped("resnet18", "width=8");  // between a sum and its ReLU: the sum's gradient is its own then, and no batch norm's
    memset(penalties, 0, sizeof penalties);
    assert_true(net.network.layer_count < 100);
    sj_penalty_kind many[128] = {SJ_PENALTY_NONE};
    o.penalties = many;
    many[1 + find_in(&net.network, "s1b1_bn2")] = SJ_PENALTY_EAT;
    t = make("c.h5", &net.network, &o);
    assert_true(sj_trace_object_id(t, 0, find(t, "s1b1_bn2"), "dy") != sj_trace_object_id(t, 0, find(t, "s1b1_add"), "dy"));
    assert_density(t, "s1b1_bn2", "dy", 1.0);
    assert_density(t, "s1b1_add", "dy", 0.5);
    sj_trace_close(t);
    sj_net_free(&net);
}

// A convolution that a sum reads without a batch norm: its gradient is the sum's, and stored once.
static void a_product_in_front_of_a_sum_has_the_sums_gradient(void **state) {
    static sj_layer_info layers[3 * (LONGEST_CHAIN + 1)];
    const sj_network net = chain_of_relus(layers, 2);
    sj_synth_options o = usual;
    o.dy_follows = true;
    sj_trace *t = make("a.h5", &net, &o);
    assert_true(sj_trace_object_id(t, 0, find(t, "conv1"), "dy") == sj_trace_object_id(t, 0, find(t, "add1"), "dy"));
    assert_density(t, "conv1", "dy", 0.25);  // two ReLUs
    sj_trace_close(t);
    t = make("b.h5", &net, &usual);
    assert_true(sj_trace_object_id(t, 0, find(t, "conv1"), "dy") != sj_trace_object_id(t, 0, find(t, "add1"), "dy"));
    sj_trace_close(t);
    const sj_network longest = chain_of_relus(layers, LONGEST_CHAIN - 2);  // the first convolution's gradient passes one ReLU more than the first ReLU's
    sj_trace_close(make("c.h5", &longest, &o));
    const sj_network longer = chain_of_relus(layers, LONGEST_CHAIN - 1);
    assert_int_equal(sj_synth_write("d.h5", "test", &longer, &o, &err), SJ_ERR_UNSUPPORTED);
    assert_non_null(strstr(err.message, "layer \"conv0\": its gradient comes through 17 ReLUs"));
    assert_false(sj_path_exists("d.h5"));
}

// Behind a pool stands a ReLU: a quarter of what passes that one.
static void a_pool_hands_a_relus_zeros_on(void **state) {
    const sj_dims large = {40, 40, 8}, small = {20, 20, 8};
    sj_layer_info layers[4] = {{"conv", SJ_KIND_CONV, 1, {SJ_INPUT_OWN}, large, large, 1, 1, 1, 0, 1, true, false},
                               {"pool", SJ_KIND_MAXPOOL, 1, {0}, large, small, 2, 2, 2, 0, 1, true, false},
                               {"relu", SJ_KIND_RELU, 1, {1}, small, small, 1, 1, 1, 0, 1, true, false},
                               {"end", SJ_KIND_CONV, 1, {2}, small, small, 1, 1, 1, 0, 1, true, false}};
    const sj_network net = {"pool", 4, layers};
    sj_synth_options o = usual;
    o.dy_follows = true;
    sj_trace *t = make("a.h5", &net, &o);
    assert_density(t, "relu", "dy", 1.0);
    assert_density(t, "pool", "dy", 0.5);
    assert_density(t, "conv", "dy", 0.125);
    sj_trace_close(t);
}

static void layers_keep_what_they_are_told(void **state) {
    sj_net net = shipped("cnn8", NULL);
    float keep[64];
    sj_synth_options o = usual;
    o.select = true;
    o.layer_keep = keep;
    for (int i = 0; i < net.network.layer_count; i++) {
        keep[i] = NAN;
    }
    for (int64_t kept = 1; kept <= 64; kept += 7) {  // shares of 64 and of 10 channels, in single precision, come back
        keep[find_in(&net.network, "conv4")] = (float)kept / 64.0F;
        keep[find_in(&net.network, "fc")] = (float)((kept - 1) % 10 + 1) / 10.0F;
        if (kept > 1) {
            remove("a.h5");
        }
        sj_trace *t = make("a.h5", &net.network, &o);
        sj_tensor conv = read_tensor(t, "conv4", "keep"), fc = read_tensor(t, "fc", "keep");
        assert_int_equal(conv.dims[0], kept);
        assert_int_equal(fc.dims[0], (kept - 1) % 10 + 1);
        assert_false(sj_trace_has(t, 0, find(t, "conv5"), "keep"));
        sj_tensor_free(&conv);
        sj_tensor_free(&fc);
        sj_trace_close(t);
    }
    const int conv4 = find_in(&net.network, "conv4");
    keep[conv4] = 0.0F;  // at least one
    keep[find_in(&net.network, "fc")] = 1.0F;
    sj_trace *ends = make("b.h5", &net.network, &o);
    sj_tensor one = read_tensor(ends, "conv4", "keep"), all = read_tensor(ends, "fc", "keep");
    assert_true(one.dims[0] == 1 && all.dims[0] == 10);
    sj_tensor_free(&one);
    sj_tensor_free(&all);
    sj_trace_close(ends);
    for (int i = 0; i < 2; i++) {
        keep[conv4] = i == 0 ? 1.5F : -0.1F;
        assert_int_equal(sj_synth_write("c.h5", "test", &net.network, &o, &err), SJ_ERR_RANGE);
        assert_non_null(strstr(err.message, i == 0 ? "layer \"conv4\": a share of 1.5 for its kept channels" : "layer \"conv4\": a share of -0.1 for its kept channels"));
        assert_false(sj_path_exists("c.h5"));
    }
    sj_net_free(&net);
}

static void penalties_and_the_optimizer_are_noted(void **state) {
    sj_net net = shipped("cnn8", NULL);
    sj_penalty_kind penalties[64] = {SJ_PENALTY_NONE};
    sj_synth_options o = usual;
    o.penalties = penalties;
    o.optimizer = SJ_OPTIMIZER_ADAM;
    penalties[0] = SJ_PENALTY_EAT;
    penalties[1 + find_in(&net.network, "conv4")] = SJ_PENALTY_L1;
    sj_trace *t = make("a.h5", &net.network, &o);
    assert_int_equal(sj_trace_get_meta(t)->optimizer, SJ_OPTIMIZER_ADAM);
    for (int i = -1; i < net.network.layer_count; i++) {
        sj_penalty_kind met;
        ok(sj_trace_read_penalty(t, 0, i < 0 ? SJ_INPUT_NETWORK : i, &met, &err));
        assert_int_equal(met, penalties[1 + i]);
    }
    sj_trace_close(t);
    o.mode = SJ_MODE_EVAL;  // an inference has none
    t = make("b.h5", &net.network, &o);
    sj_trace_close(t);
    sj_net_free(&net);
}

static void the_batch_repeats_the_stored_images(void **state) {
    sj_trace *t = make_shipped("a.h5", "cnn8", NULL, &usual);  // 2 stored images of 5: 0 1 0 1 0
    sj_tensor v = read_tensor(t, "conv3", "dy");
    const int64_t each = sj_tensor_count(&v) / 2;
    int64_t nonzero[2] = {0, 0};
    for (int64_t i = 0; i < 2 * each; i++) {
        nonzero[i / each] += at(&v, i) != 0.0;
    }
    assert_int_equal(v.full_count, 5 * each);
    assert_int_equal(v.full_nonzero, 3 * nonzero[0] + 2 * nonzero[1]);
    sj_tensor_free(&v);
    v = read_tensor(t, "conv3", "w");
    assert_int_equal(v.full_count, sj_tensor_count(&v));
    assert_int_equal(v.full_nonzero, sj_tensor_nonzero(&v));
    sj_tensor_free(&v);
    sj_trace_close(t);
}

static void tensors_are_stored_once(void **state) {
    sj_trace *t = make_shipped("a.h5", "resnet18", "width=8", &usual);
    const uint64_t x = sj_trace_object_id(t, 0, find(t, "s1b1_fork"), "x"), dy = sj_trace_object_id(t, 0, find(t, "s1b1_add"), "dy");
    assert_true(x != 0 && dy != 0);
    assert_true(sj_trace_object_id(t, 0, find(t, "s1b1_conv1"), "x") == x);
    assert_true(sj_trace_object_id(t, 0, find(t, "s1b1_add"), "x1") == x);
    assert_true(sj_trace_object_id(t, 0, find(t, "s1b1_bn2"), "dy") == dy);
    assert_true(sj_trace_object_id(t, 0, find(t, "relu1"), "dy") == sj_trace_object_id(t, 0, find(t, "s1b1_fork"), "dy"));
    assert_true(sj_trace_object_id(t, 0, find(t, "s1b1_conv2"), "dy") != dy);
    sj_trace_close(t);
}

static void equal_arguments_make_equal_files(void **state) {
    sj_synth_options o = usual;
    char *data[3];
    size_t bytes[3];
    char path[8] = "0.h5";
    for (int i = 0; i < 3; i++, path[0]++) {
        o.seed = i < 2 ? 11 : 12;
        sj_trace_close(make_shipped(path, "cnn8", NULL, &o));
        ok(sj_read_file(path, &data[i], &bytes[i], &err));
    }
    assert_int_equal(bytes[0], bytes[1]);
    assert_memory_equal(data[0], data[1], bytes[0]);
    assert_true(bytes[0] != bytes[2] || memcmp(data[0], data[2], bytes[0]) != 0);
    for (int i = 0; i < 3; i++) {
        free(data[i]);
    }
}

static void an_inference_has_no_gradients(void **state) {
    sj_synth_options o = usual;
    o.mode = SJ_MODE_EVAL;
    sj_trace *t = make_shipped("a.h5", "resnet18", "width=8", &o);
    assert_int_equal(sj_trace_get_step(t, 0)->mode, SJ_MODE_EVAL);
    assert_false(sj_trace_has(t, 0, find(t, "conv1"), "dy"));
    assert_density(t, "s1b1_conv1", "x", 0.5);
    sj_trace_close(t);
}

static void layers_that_stand_alone_have_inputs_of_their_own(void **state) {
    sj_layer_info layers[2] = {{"a", SJ_KIND_CONV, 1, {SJ_INPUT_OWN}, {9, 9, 4}, {7, 7, 8}, 3, 3, 1, 0, 1, true, false},
                               {"b", SJ_KIND_CONV, 1, {SJ_INPUT_OWN}, {30, 1, 40}, {30, 1, 7}, 1, 1, 1, 0, 1, true, false}};
    const sj_network net = {"rows", 2, layers};
    sj_trace *t = make("a.h5", &net, &usual);
    assert_density(t, "a", "x", 0.5);
    assert_density(t, "b", "x", 0.5);
    assert_density(t, "b", "dy", 0.3);
    assert_int_equal(sj_trace_get_network(t)->layers[1].inputs[0], SJ_INPUT_OWN);
    sj_trace_close(t);
}

static void a_matmul_has_two_inputs(void **state) {
    sj_layer_info layers[1] = {{"m", SJ_KIND_MATMUL, 2, {SJ_INPUT_OWN, SJ_INPUT_OWN}, {12, 1, 30}, {12, 1, 20}, 1, 1, 1, 0, 1, true, false}};
    const sj_network net = {"product", 1, layers};
    sj_trace *t = make("a.h5", &net, &usual);
    assert_density(t, "m", "x0", 0.5);
    assert_density(t, "m", "x1", 0.5);
    assert_density(t, "m", "dy", 0.3);
    sj_tensor right = read_tensor(t, "m", "x1");
    assert_int_equal(right.dims[1] * right.dims[2], 30);
    assert_int_equal(right.dims[3], 20);
    sj_tensor_free(&right);
    sj_trace_close(t);
}

static void a_gradient_passes_every_relu(void **state) {
    static sj_layer_info layers[3 * (LONGEST_CHAIN + 1)];
    sj_network net = chain_of_relus(layers, 6);
    sj_synth_options o = usual;
    o.x = 0.8;
    sj_trace *t = make("a.h5", &net, &o);
    sj_tensor dy = read_tensor(t, "relu0", "dy");
    int64_t passed = 0;
    for (int64_t i = 0; i < sj_tensor_count(&dy); i++) {
        passed += at(&dy, i) != 0.0;
    }
    assert_true(passed > 0);
    assert_density(t, "relu0", "dy", pow(0.8, 6));
    for (int r = 1; r < 6; r++) {  // relu6's output has no reader
        char name[16];
        snprintf(name, sizeof name, "add%d", r + 1);
        sj_tensor x = read_tensor(t, name, "x0");
        for (int64_t i = 0; i < sj_tensor_count(&dy); i++) {
            assert_true(at(&dy, i) == 0.0 || at(&x, i) != 0.0);
        }
        sj_tensor_free(&x);
    }
    sj_tensor_free(&dy);
    sj_trace_close(t);
    net = chain_of_relus(layers, LONGEST_CHAIN - 1);
    sj_trace_close(make("b.h5", &net, &o));
    net = chain_of_relus(layers, LONGEST_CHAIN);
    assert_int_equal(sj_synth_write("c.h5", "test", &net, &o, &err), SJ_ERR_UNSUPPORTED);
    assert_non_null(strstr(err.message, "layer \"relu0\": its gradient comes through 17 ReLUs"));
    assert_false(sj_path_exists("c.h5"));
}

static bool stop_at_three(void *context, int layer) { return layer < 3; }

static void what_cannot_be_written_is_refused(void **state) {
    sj_net net = shipped("cnn8", NULL);
    sj_synth_options o = usual;
    o.go_on = stop_at_three;
    assert_int_equal(sj_synth_write("a.h5", "test", &net.network, &o, &err), SJ_ERR_INTERRUPTED);
    assert_false(sj_path_exists("a.h5"));
    o = usual;
    o.batch_size = 1;
    assert_int_equal(sj_synth_write("a.h5", "test", &net.network, &o, &err), SJ_ERR_RANGE);
    o = usual;
    o.dy = 1.01;
    assert_int_equal(sj_synth_write("a.h5", "test", &net.network, &o, &err), SJ_ERR_RANGE);
    assert_string_equal(err.message, "a share of 1.01 for dy; it must lie between 0 and 1");
    o.dy = (double)NAN;
    assert_int_equal(sj_synth_write("a.h5", "test", &net.network, &o, &err), SJ_ERR_RANGE);
    net.network.layers[2].kind = SJ_KIND_OPAQUE;
    assert_int_equal(sj_synth_write("a.h5", "test", &net.network, &usual, &err), SJ_ERR_UNSUPPORTED);
    assert_string_equal(err.message, "network \"cnn8\": layer \"relu1\": there are no synthetic tensors for kind opaque");
    assert_false(sj_path_exists("a.h5"));
    sj_net_free(&net);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        IN_FOLDER(densities_are_what_was_asked_for),
        IN_FOLDER(shares_of_zero_and_one_are_exact),
        IN_FOLDER(a_relus_output_is_what_its_input_says),
        IN_FOLDER(values_are_modest),
        IN_FOLDER(a_smaller_share_leaves_a_part_of_the_same_values),
        IN_FOLDER(types_have_the_same_zeros),
        IN_FOLDER(channels_are_kept),
        IN_FOLDER(gradients_follow_the_network),
        IN_FOLDER(a_product_in_front_of_a_sum_has_the_sums_gradient),
        IN_FOLDER(penalties_fill_gradients),
        IN_FOLDER(a_pool_hands_a_relus_zeros_on),
        IN_FOLDER(layers_keep_what_they_are_told),
        IN_FOLDER(penalties_and_the_optimizer_are_noted),
        IN_FOLDER(the_batch_repeats_the_stored_images),
        IN_FOLDER(tensors_are_stored_once),
        IN_FOLDER(equal_arguments_make_equal_files),
        IN_FOLDER(an_inference_has_no_gradients),
        IN_FOLDER(layers_that_stand_alone_have_inputs_of_their_own),
        IN_FOLDER(a_matmul_has_two_inputs),
        IN_FOLDER(a_gradient_passes_every_relu),
        IN_FOLDER(what_cannot_be_written_is_refused),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
