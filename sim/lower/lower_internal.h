// SPDX-License-Identifier: Apache-2.0
// Inside sim/lower only.
#ifndef SJ_LOWER_INTERNAL_H
#define SJ_LOWER_INTERNAL_H

#include "sj_lower.h"

enum { JOBS_MAX = 64 };  // products of a layer in a phase

// Memory that lives and dies with a job or a lowering.
typedef struct sj_arena sj_arena;
sj_status sj_arena_create(sj_arena **out, sj_error *err);
void sj_arena_destroy(sj_arena *arena);  // NULL is allowed
// Zeroed memory for count elements.
sj_status sj_arena_take(sj_arena *arena, int64_t count, size_t size, void **out, sj_error *err);

// An empty job with an arena of its own as owner and room for stream_count streams.
sj_status sj_job_create(const char *layer, sj_phase phase, int stream_count, sj_job **out, sj_error *err);
sj_arena *sj_job_arena(const sj_job *job);

static inline int64_t sj_min64(int64_t a, int64_t b) { return a < b ? a : b; }
static inline int64_t sj_max64(int64_t a, int64_t b) { return a > b ? a : b; }
static inline int64_t sj_ceil_div(int64_t a, int64_t b) { return (a + b - 1) / b; }

// Gives every stream its addresses: one behind the other, each from a multiple of 64 KiB on, its size table right behind it.
void sj_job_place_streams(sj_job *job);

// Streams over the whole of a tensor that a WINDOW or WINDOW_T operand reads, and over a WEIGHT operand.
sj_stream sj_stream_of_operand(const sj_accel *accel, const sj_operand *operand);
sj_stream sj_stream_raw(int64_t length, int64_t value_bytes);
// The same for all instances of a job, one behind the other.
sj_stream sj_stream_of_instances(const sj_accel *accel, const sj_operand *operand, int64_t instances);

static inline sj_values sj_tensor_values(const sj_tensor *t) { return (sj_values){t->type == SJ_TYPE_I8 ? SJ_DTYPE_INT8 : SJ_DTYPE_BF16, t->data}; }

// Results that go on as activations: bytes of a drained value, and the operation that brings an int32 sum back to int8.
static inline int64_t sj_result_bytes(const sj_accel *a) { return a->dtype == SJ_DTYPE_BF16 ? 2 : 4; }
static inline int64_t sj_requantise_ops(const sj_accel *a) { return a->dtype == SJ_DTYPE_BF16 ? 0 : 1; }

// Segments that a block of one instance needs, handed one by one to `emit`; stops at the first failure.
typedef sj_status (*sj_segment_sink)(void *context, sj_segment segment, sj_error *err);
sj_status sj_segments_a(const sj_job *job, int64_t instance, int64_t m0, int64_t m1, int64_t k0, int64_t k1, int64_t k_tile, sj_segment_sink emit, void *context, sj_error *err);
sj_status sj_segments_b(const sj_job *job, int64_t instance, int64_t n0, int64_t n1, int64_t k0, int64_t k1, int64_t k_tile, sj_segment_sink emit, void *context, sj_error *err);
// Output of a block: ACTIVATION needs n0 at a multiple of k_tile; RAW runs from raw_begin on, which counts over the whole job.
sj_status sj_segments_out(const sj_job *job, int64_t instance, int64_t m0, int64_t m1, int64_t n0, int64_t n1, int64_t raw_begin, sj_segment_sink emit, void *context,
                          sj_error *err);

// Layers to jobs (conv.c, matmul.c, elementwise.c). Tensors are NHWC / KRSC, of the accelerator's data type.
typedef struct sj_plane {
    const sj_tensor *tensor;  // images, H, W, C; NULL: values unknown, moved plain
    sj_dims dims;
} sj_plane;

typedef struct sj_conv_case {
    const char *layer;
    const sj_layer_info *info;  // linear: a 1x1 kernel over 1x1 images
    int64_t batch;
    const sj_tensor *x, *w, *dy, *keep;  // keep: NULL when every channel is kept
    sj_plane result;            // forward: what leaves for DRAM (the fused tail's output); grad_input: dx
    bool dense_gradient;        // nominal dy density 1 instead of 1/2: a batch norm behind the layer leaves no zeros (known from the network, not from values)
    bool dense_input;           // nominal x density 1: the network's own input
    int64_t out_ops;            // forward: vector operations on a result as it leaves
    struct sj_map_memo *memo;   // NULL: none
} sj_conv_case;

sj_status sj_lower_forward(const sj_accel *accel, const sj_conv_case *c, sj_job **out, sj_error *err);
sj_status sj_lower_grad_input(const sj_accel *accel, const sj_conv_case *c, sj_job ***out, int *count, sj_error *err);  // stride * stride sub-pixel phases, JOBS_MAX at most
sj_status sj_lower_grad_weight(const sj_accel *accel, const sj_conv_case *c, sj_job **out, sj_error *err);

// Per image O[p][j] = sum over c of x0[p][c] * x1[c][j]: x0 with pixels p and channels c, x1 with pixels c and channels j. An instance an image.
typedef struct sj_matmul_case {
    const char *layer;
    int64_t batch;
    int64_t rows, inner, columns;  // p, c, j
    const sj_tensor *x0, *x1, *dy;
    sj_plane result;               // forward: the output (or the fused tail's); grad_x0, grad_x1: the gradient
    int64_t out_ops;               // forward
    struct sj_map_memo *memo;      // NULL: none
} sj_matmul_case;

sj_status sj_lower_matmul(const sj_accel *accel, const sj_matmul_case *c, sj_job **out, sj_error *err);
sj_status sj_lower_matmul_grad_x0(const sj_accel *accel, const sj_matmul_case *c, sj_job **out, sj_error *err);  // dy x1^T
sj_status sj_lower_matmul_grad_x1(const sj_accel *accel, const sj_matmul_case *c, sj_job **out, sj_error *err);  // x0^T dy

// One pass of the vector unit over `read` and `written` planes (batch images each) and raw bytes an image.
typedef struct sj_pass {
    const char *layer;
    sj_phase phase;
    int64_t batch;
    int read_count, written_count;
    sj_plane read[SJ_INPUTS_MAX + 2], written[2];
    int64_t raw_read_bytes, raw_written_bytes;  // whole job: optimizer state, pool indices, fp32 gradients
    int64_t vector_ops;
    int64_t rng_samples;
} sj_pass;
sj_status sj_lower_pass(const sj_accel *accel, const sj_pass *pass, sj_job **out, sj_error *err);

#endif
