// SPDX-License-Identifier: Apache-2.0
// checkpoint.bin: the state at the end of a run. Little-endian; magic "SJCHKPT\0", then 64-bit words and float32 arrays:
//   version (1), seed, epochs done, iterations done, layers; name of the network (64 bytes);
//   each layer: name (64 bytes), number of arrays; each array: name (16 bytes), count, values.
// Arrays: every parameter ("w", "bias", "gamma", "beta"), its momentum ("v_w", ...), batch norm's "running_mean", "running_var".
#ifndef SJ_CHECKPOINT_H
#define SJ_CHECKPOINT_H

#include "sj_model.h"

sj_status sj_checkpoint_write(const char *path, const sj_model *m, uint64_t seed, int64_t epochs, int64_t iterations, sj_error *err);

#endif
