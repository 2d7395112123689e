// SPDX-License-Identifier: Apache-2.0
// What the trainer's tests share: seeds, temporary folders, models from text, and a double-precision reference of a whole network.
#ifndef HELPER_H
#define HELPER_H

#include <stdint.h>

#include "sj_model.h"
#include "sj_random.h"

// SJ_TEST_SEED or `fallback`; printed.
uint64_t test_seed(uint64_t fallback);
// A new folder below TMPDIR; the path is static and lives until the next call.
const char *test_folder(void);
void test_write_file(const char *dir, const char *name, const void *data, size_t bytes);
// Fails the test with the error's message.
void test_ok(sj_status status, const sj_error *err);

int64_t test_between(sj_random *r, int64_t low, int64_t high);  // inclusive
double test_normal(sj_random *r);
void test_fill(sj_random *r, float *v, int64_t count);

// A model with random input, labels and parameters.
sj_model *test_model(const char *text, sj_dims input, int64_t classes, int64_t batch, uint64_t seed);
sj_model *test_model_with(const char *text, sj_dims input, int64_t classes, const sj_model_options *options);

// A training step's two passes with the options given, or, NULL, with none.
double test_forward(sj_model *m, const sj_forward_options *options);
double test_backward(sj_model *m, const sj_backward_options *options);  // returns the penalty
// The whole batch's output (gradient) of a layer, NHWC; caller frees. Fails the test where there is none.
float *test_value(sj_model *m, int layer);
float *test_gradient(sj_model *m, int layer, int branch);
static inline int64_t test_out_count(const sj_model *m, int layer) { return sj_dims_count(layer < 0 ? m->input_dims : m->layers[layer].info->out); }

// The loss of the model's parameters, input and labels in double precision, plain loops: cross entropy, and EAT's term where eat is given.
double reference_loss(sj_model *m, const sj_eat *eat, double lambda);

#endif
