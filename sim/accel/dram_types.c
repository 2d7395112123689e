// SPDX-License-Identifier: Apache-2.0
#include <string.h>

#include "sj_accel.h"

// Sources: JEDEC JESD79-4 speed bins (3200AA 22-22-22, 2400R 16-16-16), 8 Gb x16 devices (tRFC 350 ns, 2 KiB page a device, 2 bank groups x 4 banks), four devices a channel.
// turnaround: mean of the bus gaps read-to-write (CL + 2 - CWL) and write-to-read (tWTR_L + CL): (8 + 34)/2 and (6 + 25)/2 clocks, rounded.
// hbm2: one 128-bit channel of a stack, 2 Gbit/s a pin, as DRAMsim3's HBM2_4Gb_x128: clock 1 ns, 64 bytes in BL4, tRCD = tRP = CL = 14, CWL 4, tWTR_L 8, tREFI 3900, tRFC 260, 4 x 4 banks of 16384 rows; a row of
// 4 Gbit over 16 banks x 16384 rows is 2 KiB. turnaround: (12 + 22)/2 by the same rule.
static const sj_dram_type types[] = {
    {"ddr4-3200-4x16", 1600000, 4, 22 + 22, 21, 8192, 8, 7800, 350, 4096},
    {"ddr4-2400-4x16", 1200000, 4, 16 + 16, 16, 8192, 8, 7800, 350, 4096},
    {"hbm2-2000-1x128", 1000000, 2, 14 + 14, 17, 2048, 16, 3900, 260, 512},
};

static const char *const names[] = {"ddr4-3200-4x16", "ddr4-2400-4x16", "hbm2-2000-1x128", NULL};

const sj_dram_type *sj_dram_find(const char *name) {
    for (size_t i = 0; i < sizeof types / sizeof types[0]; i++) {
        if (strcmp(types[i].name, name) == 0) {
            return &types[i];
        }
    }
    return NULL;
}

const char *const *sj_dram_names(int *count) {
    *count = (int)(sizeof types / sizeof types[0]);
    return names;
}
