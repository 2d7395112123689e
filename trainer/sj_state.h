// SPDX-License-Identifier: Apache-2.0
// The state of a model in the sections of a checkpoint: "model/<layer>/<parameter>" its values, ".../<parameter>.state0", ".state1" the optimizer's, where it has any,
// "model/<layer>/running_mean" and "running_variance" of batch norm. All float32.
#ifndef SJ_STATE_H
#define SJ_STATE_H

#include "sj_checkpoint.h"
#include "sj_model.h"

sj_status sj_state_add_model(sj_checkpoint_writer *w, const sj_model *m, sj_error *err);
// Every array of the model, and no section "model/..." may be left over: a checkpoint of another network, width or optimizer is refused, and the model is then as it was.
sj_status sj_state_get_model(const sj_checkpoint *c, sj_model *m, sj_error *err);

#endif
