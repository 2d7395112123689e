// SPDX-License-Identifier: Apache-2.0
// The trace format (FORMAT.md): operands of every layer of chosen steps of a training run, in one HDF5 file.
// Layers are numbered as in the network table; tensors of a layer are named "x" ("x0", "x1" where several), "y", "w", "dy", "keep", "gamma", ...
#ifndef SJ_TRACE_H
#define SJ_TRACE_H

#include <stdbool.h>
#include <stdint.h>

#include "sj_error.h"

#ifdef __cplusplus
extern "C" {
#endif

#define SJ_NAME_MAX 64
#define SJ_INPUTS_MAX 8
#define SJ_INPUT_NETWORK (-1)  // an input is the network's
#define SJ_INPUT_OWN (-2)      // an input from outside of the network that no other layer reads, of any shape: a list of layers that are not connected

typedef enum sj_kind {
    SJ_KIND_CONV, SJ_KIND_LINEAR, SJ_KIND_MATMUL, SJ_KIND_BN, SJ_KIND_RELU, SJ_KIND_MAXPOOL, SJ_KIND_AVGPOOL, SJ_KIND_ADD,
    SJ_KIND_FORK, SJ_KIND_FLATTEN, SJ_KIND_DROPOUT, SJ_KIND_SOFTMAX_CE, SJ_KIND_OPAQUE, SJ_KIND_COUNT
} sj_kind;

const char *sj_kind_name(sj_kind kind);                    // "conv", ...
bool sj_kind_from_name(const char *name, sj_kind *kind);   // false when unknown

// Kinds whose outputs may bear a penalty: conv, bn, relu, maxpool, avgpool, linear.
bool sj_kind_is_module(sj_kind kind);

typedef struct sj_dims {
    int64_t h, w, c;
} sj_dims;  // one image, NHWC without N; a vector is 1 x 1 x c

typedef struct sj_layer_info {
    char name[SJ_NAME_MAX];
    sj_kind kind;
    int input_count;
    int inputs[SJ_INPUTS_MAX];  // layer numbers, all smaller than this layer's; SJ_INPUT_NETWORK; SJ_INPUT_OWN
    sj_dims in, out;            // of input 0, and of the output
    int64_t kernel_h, kernel_w, stride, padding, groups;  // conv and pools; 1, 1, 1, 0, 1 elsewhere
    bool needs_dx;              // false where nobody uses the input's gradient (first layer)
    bool has_bias;
} sj_layer_info;

typedef struct sj_network {
    char name[SJ_NAME_MAX];
    int layer_count;
    sj_layer_info *layers;
} sj_network;

// Shape of an input as its maker gives it. An own input has the layer's `in`; of a matmul, the second one is a row of pixels: in.c x 1 x out.c.
sj_dims sj_network_input_dims(const sj_network *net, int layer, int input);
// Checks shapes, inputs and kinds against each other.
sj_status sj_network_check(const sj_network *net, sj_error *err);
void sj_network_free(sj_network *net);  // frees layers, zeroes

typedef enum sj_type { SJ_TYPE_BF16, SJ_TYPE_F32, SJ_TYPE_I8, SJ_TYPE_I32, SJ_TYPE_U8 } sj_type;

int sj_type_bytes(sj_type type);

typedef struct sj_tensor {
    sj_type type;
    int rank;
    int64_t dims[4];         // x, y, dy: images, H, W, C. w: K, R, S, C (linear: K, 1, 1, C). vectors: rank 1
    void *data;              // dense, row-major; owned when read by sj_trace_read
    float scale;             // int8: value = scale * stored; else 1
    int64_t full_nonzero;    // nonzeros and values of the full batch's tensor (the stored images are a sample of it); written with full_count = 0: counted
    int64_t full_count;
} sj_tensor;

int64_t sj_tensor_count(const sj_tensor *t);
int64_t sj_tensor_nonzero(const sj_tensor *t);  // of the values in data; floats: exponent not 0
void sj_tensor_free(sj_tensor *t);  // frees data, zeroes

typedef enum sj_optimizer { SJ_OPTIMIZER_SGD, SJ_OPTIMIZER_ADAM } sj_optimizer;  // sgd: with momentum

const char *sj_optimizer_name(sj_optimizer optimizer);  // "sgd", "adam"

typedef struct sj_trace_meta {
    char producer[128], network[SJ_NAME_MAX], dataset[SJ_NAME_MAX], method[SJ_NAME_MAX];  // method: "plain", "eat", "ssprop", ...
    uint64_t seed;
    int64_t batch_size;  // of training
    int64_t images;      // stored images a step
    sj_optimizer optimizer;  // attribute "optimizer"; sgd where it is absent
} sj_trace_meta;

typedef enum sj_mode { SJ_MODE_TRAIN, SJ_MODE_EVAL } sj_mode;  // "train", "eval": an eval step has x and w (and parameters) alone

typedef struct sj_step_info {
    int64_t number;  // the group /steps/<number>
    sj_mode mode;
    int64_t epoch, iteration;
    double loss;
    char method_state[128];  // free text, e.g. "ssprop keep=0.2"
} sj_step_info;

// A GradSamp step without data: a training step whose method_state is "gradsamp skipped", alone or followed by a space. It holds `w` alone.
bool sj_step_is_skipped(const sj_step_info *step);

// A penalty on the values of an output: EAT's x^2 / (x^2 + sigma), or L1's |x|.
typedef enum sj_penalty_kind { SJ_PENALTY_NONE, SJ_PENALTY_EAT, SJ_PENALTY_L1 } sj_penalty_kind;

const char *sj_penalty_name(sj_penalty_kind kind);  // "none", "eat", "l1"

// One row of /ledger and its per-layer densities (arrays of layer_count; NaN where a layer has no such tensor).
typedef struct sj_ledger_row {
    int64_t epoch, iteration;
    bool skipped;  // GradSamp: no data was processed
    double loss;
    char method_state[128];
    const float *x_density, *dy_density, *kept_fraction;
} sj_ledger_row;

// ---- writing. The file is built in memory and appears under `path` at commit; an abandoned writer leaves nothing.
typedef struct sj_trace_writer sj_trace_writer;

sj_status sj_trace_create(const char *path, const sj_trace_meta *meta, const sj_network *net, sj_trace_writer **out, sj_error *err);
sj_status sj_trace_begin_step(sj_trace_writer *w, const sj_step_info *step, sj_error *err);
// NaN and infinity are refused, naming layer, tensor and step. float32 data given with store = SJ_TYPE_BF16 is rounded (denormals and -0 to +0).
sj_status sj_trace_write(sj_trace_writer *w, int layer, const char *name, const sj_tensor *t, sj_type store, sj_error *err);
// Stores nothing: `name` of `layer` is the tensor already written as from_name of from_layer in this step.
sj_status sj_trace_link(sj_trace_writer *w, int layer, const char *name, int from_layer, const char *from_name, sj_error *err);
// The output of `layer` (SJ_INPUT_NETWORK: the network's input) bears a penalty in this training step. SJ_PENALTY_NONE writes nothing.
sj_status sj_trace_write_penalty(sj_trace_writer *w, int layer, sj_penalty_kind kind, sj_error *err);
sj_status sj_trace_ledger(sj_trace_writer *w, const sj_ledger_row *row, sj_error *err);
sj_status sj_trace_commit(sj_trace_writer *w, sj_error *err);  // frees w, also on failure
void sj_trace_abandon(sj_trace_writer *w);                     // NULL is allowed

// ---- a run that survives its end. A trace that was saved, resumed and committed has the same bytes as one written in one go.
int64_t sj_trace_steps_begun(const sj_trace_writer *w);
// All steps so far as a file of its own, whole or not at all; the writer goes on. Between steps: a step cannot be continued after a resume. Needs memory for a second copy of the file.
// The ledger is not in it. Writes nothing where nothing has come since the last save to this path and the file is still there.
sj_status sj_trace_save(sj_trace_writer *w, const char *path, sj_error *err);
// A writer for final_path that has the first `steps` steps of the saved file, in the order of writing, and an empty ledger. The file may hold more of them (a run that ended between
// saving its trace and its checkpoint); fewer are an error, as are other meta data or another network, named. The saved file is left as it is.
sj_status sj_trace_resume(const char *path, const char *final_path, const sj_trace_meta *meta, const sj_network *net, int64_t steps, sj_trace_writer **out, sj_error *err);
// The ledger so far as one block of bytes, for a checkpoint; the caller frees *data. unpack: into a writer whose ledger is empty; the block may come from anywhere.
int64_t sj_trace_ledger_rows(const sj_trace_writer *w);
sj_status sj_trace_ledger_pack(const sj_trace_writer *w, void **data, size_t *bytes, sj_error *err);
sj_status sj_trace_ledger_unpack(sj_trace_writer *w, const void *data, size_t bytes, sj_error *err);

// ---- reading. sj_trace_open checks format, version and the layer table; tensors are checked as they are read (shape, type, NaN, infinity).
typedef struct sj_trace sj_trace;

#define SJ_UNFINISHED_MAX 9000
// What to say behind a message about a trace, or about the folder of a run, where its training did not finish: it has a checkpoint, or a part of its trace, and no trace.h5. Empty otherwise.
void sj_trace_unfinished(const char *path, char text[SJ_UNFINISHED_MAX]);
sj_status sj_trace_open(const char *path, sj_trace **out, sj_error *err);
void sj_trace_close(sj_trace *t);  // NULL is allowed
const char *sj_trace_path(const sj_trace *t);
const sj_trace_meta *sj_trace_get_meta(const sj_trace *t);
const sj_network *sj_trace_get_network(const sj_trace *t);
int sj_trace_step_count(const sj_trace *t);
const sj_step_info *sj_trace_get_step(const sj_trace *t, int index);  // ascending by number
bool sj_trace_has(const sj_trace *t, int step_index, int layer, const char *name);
// float32 and bfloat16 are read as they are stored; `as` = SJ_TYPE_BF16 also rounds float32 (any other: nothing is converted;
// out->type tells the type). Fails with path, layer, tensor and step in the message.
sj_status sj_trace_read(sj_trace *t, int step_index, int layer, const char *name, sj_type as, sj_tensor *out, sj_error *err);
// The stored type, without reading the values; false when absent or none of ours.
bool sj_trace_type(const sj_trace *t, int step_index, int layer, const char *name, sj_type *type);
// Which penalty the output of `layer` (SJ_INPUT_NETWORK: the network's input) bears in this step; SJ_PENALTY_NONE where the trace does not say so. Fails where the attribute is not allowed or unknown.
sj_status sj_trace_read_penalty(const sj_trace *t, int step_index, int layer, sj_penalty_kind *out, sj_error *err);
// Identity of the stored object: equal for hard-linked tensors, 0 when absent.
uint64_t sj_trace_object_id(const sj_trace *t, int step_index, int layer, const char *name);

typedef struct sj_ledger {
    int64_t rows;
    int layers;
    int64_t *epoch, *iteration;
    uint8_t *skipped;
    double *loss;
    char (*method_state)[128];
    float *x_density, *dy_density, *kept_fraction;  // rows x layers
} sj_ledger;

sj_status sj_trace_read_ledger(sj_trace *t, sj_ledger *out, sj_error *err);
void sj_ledger_free(sj_ledger *l);

// Everything `skipjoule trace check` does: every tensor of every step present that its kind needs, shapes, values, links, ledger.
sj_status sj_trace_check(sj_trace *t, sj_error *err);
// Tensors of all steps, a shared one at each of its places.
int64_t sj_trace_tensor_count(sj_trace *t);

#ifdef __cplusplus
}
#endif
#endif
