// SPDX-License-Identifier: Apache-2.0
// What the machine is asked to do, after lowering and mapping: the input that all three fidelities share. docs/timing.md gives it its meaning in cycles.
// This header says *where values are*; it counts nothing and times nothing.
#ifndef SJ_JOB_H
#define SJ_JOB_H

#include <stdbool.h>
#include <stdint.h>

#include "sj_accel.h"
#include "sj_bf16.h"
#include "sj_error.h"

#ifdef __cplusplus
extern "C" {
#endif

#define SJ_PADDING (-1)

// Values of one tensor as the machine sees them: bf16 or int8, NHWC (activations) or KRSC (weights). Borrowed.
typedef struct sj_values {
    sj_dtype dtype;
    const void *data;  // sj_bf16 or int8_t
} sj_values;

static inline bool sj_values_nonzero(const sj_values *v, int64_t offset) {
    return v->dtype == SJ_DTYPE_BF16 ? sj_bf16_nonzero(((const sj_bf16 *)v->data)[offset]) : ((const int8_t *)v->data)[offset] != 0;
}

// The raw bits of a value, as the array's pads hold it.
static inline uint16_t sj_values_bits(const sj_values *v, int64_t offset) {
    return v->dtype == SJ_DTYPE_BF16 ? ((const sj_bf16 *)v->data)[offset] : (uint16_t)(uint8_t)((const int8_t *)v->data)[offset];
}

// ---- Operands: (u, k) -> source element. u is the A row m, or the B column n.
typedef enum sj_operand_kind {
    SJ_OPERAND_WINDOW,    // u = position, k = (tap, channel), channel fastest: A = im2col(x), A = im2col(dy), a plain matrix (one tap, 1x1 images)
    SJ_OPERAND_WINDOW_T,  // u = (tap, channel), k = position: dy^T (one tap), im2col(x) as B of grad_weight, im2col(x)^T
    SJ_OPERAND_WEIGHT     // k = (tap, channel), channel fastest; u indexes the other weight dimension
} sj_operand_kind;

typedef struct sj_tap {
    int64_t dy, dx;         // WINDOW kinds: source pixel = position * stride + (dy, dx)
    int64_t weight_offset;  // WEIGHT: element offset of this tap
} sj_tap;

typedef struct sj_operand {
    sj_operand_kind kind;
    sj_values values;
    int64_t tap_count;
    const sj_tap *taps;
    int64_t channel_count;      // after dropped channels are left out
    const int32_t *channels;    // index of each kept channel in the source; NULL: identity
    // WINDOW kinds. Positions p = (image, y, x) over images x grid_h x grid_w, x fastest; image i reads stored image i % stored_images.
    int64_t images, stored_images;
    int64_t grid_h, grid_w, stride;
    int64_t source_h, source_w, source_c;  // source_c: stride of a pixel in the source tensor (before channels are dropped)
    // WEIGHT
    int64_t u_stride, channel_stride;
    int64_t u_count;            // number of u
    const int32_t *u_list;      // index of each kept u in the source; NULL: identity. (WINDOW kinds: use channels)
    // Instances of a job: all fields above describe instance 0; instance i reads its values instance_shift * (i mod instance_period) elements further on.
    int64_t instance_shift;     // elements; 0: all instances read the same values
    int64_t instance_period;    // instances after which the values repeat (stored images of a larger batch); 0: never
} sj_operand;

// The operand of one instance, as a plain operand: its values moved, everything else the same. u, k, units and chunks count from 0 in each instance.
sj_operand sj_operand_instance(const sj_operand *o, int64_t instance);

int64_t sj_operand_u_count(const sj_operand *o);
int64_t sj_operand_k_count(const sj_operand *o);

// Element offset in values.data, or SJ_PADDING.
int64_t sj_operand_offset(const sj_operand *o, int64_t u, int64_t k);

// Where the buffer holds a value of an A operand: a line group is (unit, chunk); bank = unit % a_banks. (docs/timing.md, "A lines".)
// WINDOW: unit = linear source pixel (image*H + y)*W + x with the *batch* image number, chunk = channel / k_tile.
// WINDOW_T: unit = channel, chunk = linear source pixel / k_tile. Channels count after dropping. WEIGHT never stands in A.
typedef struct sj_place {
    int64_t offset;  // SJ_PADDING: the rest is not set
    int64_t unit, chunk;
} sj_place;
sj_place sj_operand_place(const sj_operand *o, int64_t u, int64_t k, int64_t k_tile);
// Number of values a line group holds (clipped at the end of channels or pixels) and its j-th value's offset.
int64_t sj_operand_group_count(const sj_operand *o, int64_t unit, int64_t chunk, int64_t k_tile);
int64_t sj_operand_group_offset(const sj_operand *o, int64_t unit, int64_t chunk, int64_t k_tile, int64_t j);

// ---- Streams: a tensor as a line of values in DRAM.
typedef enum sj_stream_kind {
    SJ_STREAM_ACTIVATION,  // [channel chunk of k_tile][image][y][x][channel in chunk] over a sub-grid of a plane
    SJ_STREAM_WEIGHT,      // [k step of k_tile][u][k in step] of a WEIGHT operand
    SJ_STREAM_RAW          // bytes whose values are never looked at: fp32 gradients, optimizer state, partials, indices
} sj_stream_kind;

typedef struct sj_stream {
    sj_stream_kind kind;
    int64_t length;        // values, of all instances
    int64_t instance_length;  // values of one instance: the layouts below describe one, and instances follow each other; 0: there is one
    int64_t instance_shift, instance_period;  // as those of an operand; a WEIGHT stream has them here too
    int64_t value_bytes;   // bytes a value
    int64_t base;          // byte address, a multiple of 64
    int64_t table_base;    // byte address of the size table (one byte a group of 512 values), a multiple of 64
    bool coded;            // a codec applies (where the variant has one); false: always plain
    // ACTIVATION
    sj_values values;
    int64_t images, stored_images, source_h, source_w, source_c;
    int64_t y0, y_step, y_count, x0, x_step, x_count;
    int64_t channel_count;
    const int32_t *channels;
    int64_t k_tile;
    // WEIGHT
    const sj_operand *operand;
} sj_stream;

// Element offset (in its values) of value v of an ACTIVATION or WEIGHT stream; never padding.
int64_t sj_stream_offset(const sj_stream *s, int64_t v);
const sj_values *sj_stream_values(const sj_stream *s);

// A run of values [begin, end) of a stream that one transfer moves.
typedef struct sj_segment {
    int stream;            // index in the job's streams
    int64_t begin, end;
    int64_t transpose_width;  // passes the transposer on its way in, in rows of this many values (channels a pixel, at most k_tile); 0: does not
} sj_segment;

// ---- Jobs: one product on the array, or one elementwise pass on the vector unit.
typedef enum sj_phase { SJ_PHASE_FORWARD, SJ_PHASE_GRAD_INPUT, SJ_PHASE_GRAD_WEIGHT, SJ_PHASE_ELEMENTWISE, SJ_PHASE_UPDATE, SJ_PHASE_COUNT } sj_phase;

const char *sj_phase_name(sj_phase phase);  // "forward", "grad_input", ...

// A block: output tiles [m0,m1) x [n0,n1) over k in [k0,k1) of one instance. m0, n0, k0 are multiples of R*G, C, KT.
// Elementwise jobs use only segments and vector_ops.
typedef struct sj_block {
    int64_t m0, m1, n0, n1, k0, k1;
    int load_first, load_count;    // segments of ld(b), in order; may be none
    int store_first, store_count;  // segments of st(b); none unless k1 = K
    int64_t vector_ops;            // elementwise: operations of this block; 0 in a product
    int64_t instance;              // which of the job's independent products; m, n, k count within it
} sj_block;

typedef struct sj_job {
    char layer[64];
    sj_phase phase;
    bool is_product;
    // product O[M x N] = A[M x K] B[K x N]
    int64_t m, n, k;               // of one instance
    int64_t instances;             // independent products of one shape that share blocks' order and the DRAM queue: the groups of a convolution, the matrices of a batch. 0 means 1
    sj_operand a, b;
    int64_t out_ops;               // operations of the vector unit on every result as it leaves for good (statistics, ReLU, pooling, rounded up to a whole number)
    int64_t out_bytes;             // bytes a result when it is drained for good; partials always 4
    double nominal_a;              // share of A's values that the mapper takes for nonzero, known from the network and never from values; 0: 1/2
    bool flags_per_lane;           // B is a WINDOW_T operand whose lane groups may straddle taps: KT*C/8 flag bytes instead of KT/8
    bool array_only;               // --array-only: one block, no DRAM at all
    int64_t stream_count;
    sj_stream *streams;
    int64_t segment_count;
    sj_segment *segments;
    int64_t block_count;
    sj_block *blocks;
    int64_t vector_ops;            // elementwise: the sum over blocks; 0 in a product
    int64_t rng_samples;           // elementwise: normal samples drawn; they take no time beside the operations
    // The dense product before dropped channels were left out (reported beside); equals instances*m*n*k where none were.
    uint64_t uncompacted_macs;
    struct sj_map_memo *memo;      // mappings found before (sj_map_memo.h), borrowed; NULL: every search is made
    void *owner;                   // storage of taps, channel lists, ...; freed by sj_job_free
} sj_job;

static inline int64_t sj_job_instances(const sj_job *job) { return job->instances > 0 ? job->instances : 1; }

void sj_job_free(sj_job *job);

// Which k are present: on skip in range and nonzero; on dense and gate in range; with issue_padding (dense and gate) all k < K.

#ifdef __cplusplus
}
#endif
#endif
