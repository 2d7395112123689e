// SPDX-License-Identifier: Apache-2.0
// What the sweep_config*.c files share; nobody else includes this.
#ifndef SJ_SWEEP_CONFIG_INTERNAL_H
#define SJ_SWEEP_CONFIG_INTERNAL_H

#include "sj_sweep_config.h"

enum { SJ_SWEEP_PATH_MAX = 96, SJ_SWEEP_BATCH_MAX = 65536 };  // the batch: the limit of the lowering

// Does an axis of the file set the path? Of the file as it stands, so that an axis with an error of its own counts.
bool sj_sweep_axis_gives(sj_config *c, const char *path);
// What axes say of the sweep's own keys (accel, machine, batch), and what they and other keys would both set. machines: the names, NULL behind the last.
void sj_sweep_check_axes(sj_config *c, const sj_sweep_config *sweep, const char *const machines[]);

#endif
