// SPDX-License-Identifier: Apache-2.0
// FORMAT.md's table of tensors, as code.
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "sj_file.h"
#include "trace_internal.h"

static bool is_numbered(const char *name, char letter0, char letter1, int *number) {
    if (*name++ != letter0 || (letter1 != '\0' && *name++ != letter1) || *name < '0' || *name >= '0' + SJ_INPUTS_MAX || name[1] != '\0') {
        return false;
    }
    *number = *name - '0';
    return true;
}

int sj_trace_input_number(const sj_layer_info *l, const char *name) {
    int number;
    if (strcmp(name, "x") == 0) {
        return l->input_count == 1 ? 0 : -1;
    }
    return is_numbered(name, 'x', '\0', &number) && l->input_count > 1 && number < l->input_count ? number : -1;
}

static sj_rule image_rule(sj_role role, int64_t images, sj_dims d) { return (sj_rule){role, 4, {images, d.h, d.w, d.c}}; }

static sj_rule vector_rule(sj_role role, int64_t length) { return (sj_rule){role, 1, {length}}; }

static bool product_rule(const sj_layer_info *l, const char *name, sj_rule *rule) {
    const bool is_conv = l->kind == SJ_KIND_CONV;
    if (strcmp(name, "w") == 0) {
        *rule = is_conv ? (sj_rule){SJ_ROLE_VALUES, 4, {l->out.c, l->kernel_h, l->kernel_w, l->in.c / l->groups}} : (sj_rule){SJ_ROLE_VALUES, 4, {l->out.c, 1, 1, l->in.c}};
    } else if (strcmp(name, "bias") == 0 && l->has_bias) {
        *rule = vector_rule(SJ_ROLE_PARAMETER, l->out.c);
    } else if (strcmp(name, "keep") == 0) {
        *rule = vector_rule(SJ_ROLE_KEEP, l->out.c);
    } else {
        return false;
    }
    return true;
}

static bool bn_rule(const sj_layer_info *l, const char *name, sj_rule *rule) {
    static const char *const vectors[] = {"gamma", "beta", "mean", "variance"};
    for (size_t i = 0; i < sizeof vectors / sizeof *vectors; i++) {
        if (strcmp(name, vectors[i]) == 0) {
            *rule = vector_rule(SJ_ROLE_PARAMETER, l->in.c);
            return true;
        }
    }
    *rule = vector_rule(SJ_ROLE_PARAMETER, 1);
    return strcmp(name, "eps") == 0;
}

bool sj_trace_rule(const sj_network *net, int layer, const char *name, int64_t images, sj_rule *rule) {
    const sj_layer_info *l = &net->layers[layer];
    *rule = (sj_rule){SJ_ROLE_ANY, 0, {0}};
    const int input = sj_trace_input_number(l, name);
    if (l->kind == SJ_KIND_OPAQUE) {
        return true;
    }
    if (input >= 0) {
        *rule = image_rule(SJ_ROLE_VALUES, images, input == 0 ? l->in : sj_network_input_dims(net, layer, input));
        return true;
    }
    int part;
    const bool fork_part = l->kind == SJ_KIND_FORK && is_numbered(name, 'd', 'y', &part);
    if (strcmp(name, "y") == 0 || fork_part || (strcmp(name, "dy") == 0 && l->kind != SJ_KIND_SOFTMAX_CE)) {
        *rule = image_rule(SJ_ROLE_VALUES, images, l->out);
        return true;
    }
    switch (l->kind) {
        case SJ_KIND_CONV:
        case SJ_KIND_LINEAR: return product_rule(l, name, rule);
        case SJ_KIND_BN: return bn_rule(l, name, rule);
        case SJ_KIND_DROPOUT: *rule = image_rule(SJ_ROLE_BITS, images, l->out); return strcmp(name, "mask") == 0;
        case SJ_KIND_SOFTMAX_CE: *rule = vector_rule(SJ_ROLE_LABELS, images); return strcmp(name, "labels") == 0;
        default: return false;
    }
}

const char *sj_trace_needed(const sj_layer_info *l, const sj_step_info *step, int i) {
    const sj_mode mode = step->mode;
    static const char *const several[SJ_INPUTS_MAX] = {"x0", "x1", "x2", "x3", "x4", "x5", "x6", "x7"};
    static const char *const normal[] = {"gamma", "beta", "mean", "variance", "eps", NULL};
    if (l->kind == SJ_KIND_OPAQUE) {
        return NULL;
    }
    if (sj_step_is_skipped(step)) {
        return (l->kind == SJ_KIND_CONV || l->kind == SJ_KIND_LINEAR) && i == 0 ? "w" : NULL;
    }
    if (i < l->input_count) {
        return l->input_count == 1 ? "x" : several[i];
    }
    i -= l->input_count;
    const bool product = l->kind == SJ_KIND_CONV || l->kind == SJ_KIND_LINEAR, has_parameters = product || l->kind == SJ_KIND_BN;
    // A layer without parameters has a backward only where its input's gradient is wanted.
    if (mode == SJ_MODE_TRAIN && l->kind != SJ_KIND_SOFTMAX_CE && (has_parameters || l->needs_dx) && i-- == 0) {
        return "dy";
    }
    if (mode == SJ_MODE_TRAIN && l->kind == SJ_KIND_DROPOUT && i-- == 0) {
        return "mask";
    }
    if (product && i-- == 0) {
        return "w";
    }
    if (product && l->has_bias && i-- == 0) {
        return "bias";
    }
    return l->kind == SJ_KIND_BN && i < 5 ? normal[i] : NULL;
}

bool sj_step_is_skipped(const sj_step_info *step) {
    static const char words[] = "gradsamp skipped";
    const size_t length = sizeof words - 1;
    return step->mode == SJ_MODE_TRAIN && strncmp(step->method_state, words, length) == 0 && (step->method_state[length] == '\0' || step->method_state[length] == ' ');
}

static bool role_takes(sj_role role, sj_type type) {
    switch (role) {
        case SJ_ROLE_VALUES: return type == SJ_TYPE_BF16 || type == SJ_TYPE_F32 || type == SJ_TYPE_I8;
        case SJ_ROLE_PARAMETER: return type == SJ_TYPE_BF16 || type == SJ_TYPE_F32;
        case SJ_ROLE_KEEP:
        case SJ_ROLE_LABELS: return type == SJ_TYPE_I32;
        case SJ_ROLE_BITS: return type == SJ_TYPE_U8;
        case SJ_ROLE_ANY: return true;
    }
    return false;
}

static const char *role_types(sj_role role) {
    static const char *const texts[] = {"bfloat16, float32 or int8", "bfloat16 or float32", "int32", "int32", "uint8", "anything"};
    return texts[role];
}

static void dims_text(int rank, const int64_t *dims, char out[96]) {
    size_t used = 0;
    out[0] = '\0';
    for (int i = 0; i < rank && used < 90; i++) {
        used += (size_t)snprintf(out + used, 96 - used, "%s%" PRId64, i > 0 ? "x" : "", dims[i]);
    }
}

sj_status sj_trace_obey(const sj_rule *rule, const sj_tensor *t, sj_error *err) {
    static const char *const type_names[] = {"bfloat16", "float32", "int8", "int32", "uint8"};
    if (!role_takes(rule->role, t->type)) {
        return SJ_FAIL(err, SJ_ERR_FORMAT, "its type is %s; it must be %s", type_names[t->type], role_types(rule->role));
    }
    if (rule->role == SJ_ROLE_ANY) {
        return SJ_OK;
    }
    if (rule->role == SJ_ROLE_KEEP) {
        return t->rank == 1 && t->dims[0] >= 1 && t->dims[0] <= rule->dims[0]
                   ? SJ_OK
                   : SJ_FAIL(err, SJ_ERR_FORMAT, "it must be a vector of 1 to %" PRId64 " channel numbers", rule->dims[0]);
    }
    bool same = t->rank == rule->rank;
    for (int i = 0; i < rule->rank && same; i++) {
        same = t->dims[i] == rule->dims[i];
    }
    if (!same) {
        char met[96], wanted[96];
        dims_text(t->rank, t->dims, met);
        dims_text(rule->rank, rule->dims, wanted);
        return SJ_FAIL(err, SJ_ERR_FORMAT, "its shape is %s; it must be %s", met, wanted);
    }
    return SJ_OK;
}

static sj_status look_at_keep(const sj_tensor *t, int64_t channels, sj_error *err) {
    const int32_t *keep = t->data;
    for (int64_t i = 0; i < t->dims[0]; i++) {
        if (keep[i] < 0 || keep[i] >= channels || (i > 0 && keep[i] <= keep[i - 1])) {
            return SJ_FAIL(err, SJ_ERR_FORMAT, "entry %" PRId64 " is %" PRId32 "; the kept channels must ascend and lie between 0 and %" PRId64, i, keep[i], channels - 1);
        }
    }
    return SJ_OK;
}

static sj_status not_finite(const sj_tensor *t, int64_t i, bool is_nan, sj_error *err) {
    return SJ_FAIL(err, SJ_ERR_NUMERIC, "value %" PRId64 " of %" PRId64 " is %s", i, sj_tensor_count(t), is_nan ? "NaN" : "infinite");
}

static sj_status look_at_bf16(const sj_tensor *t, sj_error *err) {
    const sj_bf16 *v = t->data;
    const int64_t count = sj_tensor_count(t);
    int finite = 1;
    for (int64_t i = 0; i < count; i++) {  // without a way out, so that it runs in vectors
        finite &= sj_bf16_finite(v[i]);
    }
    for (int64_t i = 0; !finite && i < count; i++) {
        if (!sj_bf16_finite(v[i])) {
            return not_finite(t, i, (v[i] & 0x7f) != 0, err);
        }
    }
    return SJ_OK;
}

static sj_status look_at_f32(const sj_tensor *t, sj_error *err) {
    const float *v = t->data;
    const int64_t count = sj_tensor_count(t);
    int finite = 1;
    for (int64_t i = 0; i < count; i++) {
        finite &= (sj_f32_bits(v[i]) & 0x7f800000u) != 0x7f800000u;
    }
    for (int64_t i = 0; !finite && i < count; i++) {
        const uint32_t bits = sj_f32_bits(v[i]);
        if ((bits & 0x7f800000u) == 0x7f800000u) {
            return not_finite(t, i, (bits & 0x007fffffu) != 0, err);
        }
    }
    return SJ_OK;
}

sj_status sj_trace_look_at_values(const sj_rule *rule, const sj_tensor *t, int64_t *nonzero, sj_error *err) {
    *nonzero = sj_tensor_nonzero(t);
    if (rule->role == SJ_ROLE_KEEP) {
        return look_at_keep(t, rule->dims[0], err);
    }
    return t->type == SJ_TYPE_BF16 ? look_at_bf16(t, err) : t->type == SJ_TYPE_F32 ? look_at_f32(t, err) : SJ_OK;
}

sj_status sj_trace_round(const float *v, int64_t count, sj_bf16 **out, sj_error *err) {
    void *memory;
    SJ_TRY(sj_alloc(&memory, (uint64_t)count, sizeof(sj_bf16), "tensor", err));
    sj_bf16 *rounded = memory;
    int finite = 1;
    for (int64_t i = 0; i < count; i++) {
        rounded[i] = sj_bf16_from_f32(v[i]);
        finite &= sj_bf16_finite(rounded[i]);
    }
    for (int64_t i = 0; !finite && i < count; i++) {
        if (!sj_bf16_finite(rounded[i])) {
            free(memory);
            return SJ_FAIL(err, SJ_ERR_NUMERIC, "value %" PRId64 " of %" PRId64 " is too large for bfloat16", i, count);
        }
    }
    *out = rounded;
    return SJ_OK;
}
