// SPDX-License-Identifier: Apache-2.0
// verilator -F verilator.f: options and modules, the packages first; for CMake and for arrays that are built on demand.
// Loops over lanes stay loops, wide vectors stay calls: the text, and so the compile time, does not grow with the lanes.
--cc
-Wall
-O3
--x-assign fast
--x-initial fast
--unroll-count 1
--expand-limit 2
--output-split 0
sj_float_pkg.sv
sj_int_pkg.sv
sj_find_first.sv
sj_mac_bf16.sv
sj_mac_int8.sv
sj_mask_prefix.sv
sj_mask_store.sv
sj_select.sv
sj_a_pad.sv
sj_b_pad.sv
sj_accumulators.sv
sj_row.sv
sj_step_control.sv
sj_drain.sv
sj_array_control.sv
sj_array.sv
