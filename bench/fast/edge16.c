// SPDX-License-Identifier: Apache-2.0
#include "edge16.h"

#include "sj_config.h"

sj_status bench_edge16(sj_accel *out, sj_error *err) {
    sj_config *c;
    SJ_TRY(sj_config_open(SJ_SOURCE_DIR "/configs/accel/edge16.cfg", &c, err));
    sj_accel_read(c, out);
    const sj_status status = sj_config_finish(c, err);
    sj_config_close(c);
    return status;
}
