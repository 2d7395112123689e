// SPDX-License-Identifier: Apache-2.0
// What the sj_train_config*.c files share; nobody else includes this. Each list of words stands in the order of its enumeration, NULL at the end.
#ifndef SJ_TRAIN_CONFIG_INTERNAL_H
#define SJ_TRAIN_CONFIG_INTERNAL_H

#include <string.h>

#include "sj_train_config.h"

static const char *const sj_names_dtype[] = {"f32", "bf16", NULL};  // bool bf16
static const char *const sj_names_algorithm[] = {"direct", "winograd", "auto", NULL};
static const char *const sj_names_optimizer[] = {"sgd", "adam", NULL};
static const char *const sj_names_schedule[] = {"constant", "exponential", "step", "cosine", NULL};
static const char *const sj_names_reduce[] = {"mean", "sum", NULL};
static const char *const sj_names_ssprop_schedule[] = {"constant", "linear", "cosine", "bar", "interleaved", NULL};
static const char *const sj_names_by[] = {"epoch", "iteration", NULL};    // bool by_iteration
static const char *const sj_names_select[] = {"score", "random", NULL};   // bool random
static const char *const sj_names_mode[] = {"gather", "mask", NULL};      // bool mask
static const char *const sj_names_gradsamp_schedule[] = {"periodic", "random", NULL};
static const char *const sj_names_fit[] = {"tensor", "layer", "global", NULL};
static const char *const sj_names_norm[] = {"keep", "sample", NULL};
static const char *const sj_names_momentum[] = {"keep", "reset", NULL};
static const char *const sj_names_trace_dtype[] = {"bf16", "float32", NULL};

// Kinds of modules; SJ_KIND_COUNT stands for the input.
enum { SJ_MODULE_KINDS = 7 };
static const char *const sj_names_module[SJ_MODULE_KINDS + 1] = {"input", "conv", "bn", "relu", "maxpool", "avgpool", "linear", NULL};
static const sj_kind sj_module_kinds[SJ_MODULE_KINDS] = {SJ_KIND_COUNT, SJ_KIND_CONV, SJ_KIND_BN, SJ_KIND_RELU, SJ_KIND_MAXPOOL, SJ_KIND_AVGPOOL, SJ_KIND_LINEAR};

// A key that belongs to another choice is told as that, and not as an unknown one. Returns `meaning`; `owner`: where the key has one. Numbers are 0 where they have none.
bool sj_key_belongs(sj_config *c, const char *path, bool meaning, const char *owner);
double sj_key_float(sj_config *c, const char *path, bool meaning, const char *owner, sj_need need, double fallback, double min, double max);
int64_t sj_key_int(sj_config *c, const char *path, bool meaning, const char *owner, int64_t min, int64_t max);  // required
// In [0, 1).
double sj_key_below_one(sj_config *c, const char *path, bool meaning, const char *owner, sj_need need, double fallback);

// Does data.seed draw the images?
static inline bool sj_train_draws_data(const sj_train_config *t) { return strcmp(t->data_name, "glyphs") == 0; }

void sj_train_config_read_method(sj_config *c, sj_train_config *t);

#endif
