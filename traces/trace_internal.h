// SPDX-License-Identifier: Apache-2.0
// What the trace_*.c files share; nobody else includes this. HDF5 stays behind it.
#ifndef SJ_TRACE_INTERNAL_H
#define SJ_TRACE_INTERNAL_H

#include <hdf5.h>

#include "sj_bf16.h"
#include "sj_file.h"
#include "sj_trace.h"

#define SJ_TRACE_FORMAT "skipjoule-trace"
#define SJ_TRACE_VERSION 1
#define SJ_STATE_MAX 128  // bytes of method_state
#define SJ_KIND_MAX 16    // bytes of a kind's name in the layer table

// ---- trace_rules.c: what tensors a layer may and must have.
typedef enum sj_role {
    SJ_ROLE_VALUES,     // x, y, dy, w: bf16, float32 or int8
    SJ_ROLE_PARAMETER,  // bn's vectors, bias: bf16 or float32
    SJ_ROLE_KEEP,       // ascending channel numbers, int32; any length from 1 to dims[0]
    SJ_ROLE_LABELS,     // int32
    SJ_ROLE_BITS,       // uint8
    SJ_ROLE_ANY         // an opaque layer's
} sj_role;

typedef struct sj_rule {
    sj_role role;
    int rank;
    int64_t dims[4];
} sj_rule;

// false when a layer of this kind has no tensor of that name.
bool sj_trace_rule(const sj_network *net, int layer, const char *name, int64_t images, sj_rule *rule);
// Number of an input in "x" or "x3", else -1.
int sj_trace_input_number(const sj_layer_info *l, const char *name);
// The i-th tensor that must be there in this step; NULL behind the last.
const char *sj_trace_needed(const sj_layer_info *l, const sj_step_info *step, int i);
// Shape and type of t against the rule. A rule's failure has no location: the caller puts it before.
sj_status sj_trace_obey(const sj_rule *rule, const sj_tensor *t, sj_error *err);
// NaN, infinity, keep's order; counts nonzeros (exponent not 0; integers: not 0).
sj_status sj_trace_look_at_values(const sj_rule *rule, const sj_tensor *t, int64_t *nonzero, sj_error *err);
// float32 to bf16, denormals and -0 to +0; an infinity that the rounding makes is refused. The caller frees *out.
sj_status sj_trace_round(const float *v, int64_t count, sj_bf16 **out, sj_error *err);

// ---- trace_h5.c: HDF5 without its own voice.
void sj_h5_silence(void);
hid_t sj_h5_bf16_type(void);              // the caller closes it
hid_t sj_h5_file_type(sj_type type);      // the same
bool sj_h5_type_of(hid_t type, sj_type *out);
bool sj_h5_exists(hid_t place, const char *path);  // every link on the way
sj_status sj_h5_put_string(hid_t object, const char *name, const char *value, sj_error *err);
sj_status sj_h5_put_int(hid_t object, const char *name, int64_t value, sj_error *err);
sj_status sj_h5_put_uint(hid_t object, const char *name, uint64_t value, sj_error *err);
sj_status sj_h5_put_float(hid_t object, const char *name, double value, sj_error *err);
sj_status sj_h5_get_string(hid_t object, const char *name, char *out, size_t size, sj_error *err);
sj_status sj_h5_get_int(hid_t object, const char *name, int64_t *out, sj_error *err);
sj_status sj_h5_get_uint(hid_t object, const char *name, uint64_t *out, sj_error *err);
sj_status sj_h5_get_float(hid_t object, const char *name, double *out, sj_error *err);
// A whole numeric dataset of known extents (columns 0: rank 1), converted to the memory type.
sj_status sj_h5_read_column(hid_t place, const char *name, hid_t memory_type, int64_t rows, int64_t columns, void *out, sj_error *err);
// A rank-1 dataset of strings into rows of `size` bytes.
sj_status sj_h5_read_strings(hid_t place, const char *name, int64_t rows, char *out, size_t size, sj_error *err);
// Extent of the first dimension; -1 when it is not a dataset of rank 1 or 2.
int64_t sj_h5_rows(hid_t place, const char *name);
sj_status sj_h5_write_column(hid_t place, const char *name, hid_t file_type, hid_t memory_type, int64_t rows, int64_t columns, const void *data, sj_error *err);
hid_t sj_h5_string_type(size_t size);  // fixed length, NUL-padded; the caller closes it

// ---- trace_table.c: root attributes and the layer table.
sj_status sj_trace_put_table(hid_t file, const sj_trace_meta *meta, const sj_network *net, sj_error *err);
sj_status sj_trace_get_table(hid_t file, sj_trace_meta *meta, sj_network *net, sj_error *err);

// ---- trace_ledger.c: the rows stay in memory until the file is complete, so that its bytes do not depend on when it was saved or resumed.
typedef struct sj_ledger_writer {
    sj_ledger rows;
    int64_t capacity;
} sj_ledger_writer;
void sj_ledger_writer_free(sj_ledger_writer *w);
sj_status sj_ledger_append(sj_ledger_writer *w, const sj_ledger_row *row, sj_error *err);
sj_status sj_ledger_write(hid_t file, const sj_ledger *rows, sj_error *err);  // group "ledger"

// ---- trace_write.c
// What was written, in order: a resumed writer does the same again and so makes the same bytes.
enum { SJ_ACT_TENSOR = -1, SJ_ACT_PENALTY = -2 };
typedef struct sj_trace_act {
    int layer, from_layer;  // from_layer SJ_ACT_TENSOR: a tensor; SJ_ACT_PENALTY: the word from_name, of layer -1 too; else a link to from_name of that layer
    char name[SJ_NAME_MAX], from_name[SJ_NAME_MAX];
} sj_trace_act;

typedef struct sj_written_step {
    sj_step_info info;
    int64_t act_count, act_capacity;
    sj_trace_act *acts;
} sj_written_step;

struct sj_trace_writer {
    char *path;
    sj_atomic_file output;
    hid_t file, step;  // step: the group of the step begun last, or -1
    sj_trace_meta meta;
    sj_network net;  // a copy
    sj_ledger_writer ledger;
    int64_t step_count, step_capacity, act_count;
    sj_written_step *steps;
    char *saved_path;      // of the last sj_trace_save, and what there was then
    int64_t saved_steps, saved_acts;
};

// An HDF5 file in memory with root attributes, the layer table and an empty group "steps". `name` is not opened: it tells files in memory apart.
sj_status sj_trace_make_file(const char *name, const sj_trace_meta *meta, const sj_network *net, hid_t *file, sj_error *err);
sj_status sj_trace_put_step(hid_t file, const sj_step_info *step, hid_t *group, sj_error *err);
sj_status sj_trace_make_layer_group(hid_t step, const char *layer, sj_error *err);
sj_status sj_trace_note_act(sj_trace_writer *w, int layer, const char *name, int from_layer, const char *from_name, sj_error *err);

// ---- trace_penalty.c
sj_status sj_trace_put_penalty(hid_t step, const char *layer, const char *word, sj_error *err);  // layer NULL: the network's input
sj_status sj_trace_redo_penalty(sj_trace_writer *w, int layer, const char *word, sj_error *err);
// From HDF5's memory to the stream, without a second copy.
sj_status sj_trace_put_image(hid_t file, FILE *stream, sj_error *err);

struct sj_trace {
    char *path;
    hid_t file;
    sj_trace_meta meta;
    sj_network net;
    int step_count;
    sj_step_info *steps;
};

#endif
