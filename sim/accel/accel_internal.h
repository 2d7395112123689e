// SPDX-License-Identifier: Apache-2.0
// Inside sim/accel only.
#ifndef SJ_ACCEL_INTERNAL_H
#define SJ_ACCEL_INTERNAL_H

#include "sj_accel.h"

void sj_accel_read_pins(sj_config *c, sj_accel *accel);  // pins.c: mapping.pin

#endif
