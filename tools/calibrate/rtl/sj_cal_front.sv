// SPDX-License-Identifier: Apache-2.0
// For calibration: the front of a row, wired as in sj_row: sj_mask_store and sj_select. active_i and read_buffer_i come from sj_row's step registers.
module sj_cal_front (
  input  logic               clk_i,
  input  logic               rst_ni,
  input  logic               we_i,
  input  logic [1:0]         buffer_i,
  input  logic [7:0][63:0]   mask_i,
  input  logic [7:0][9:0]    base_i,
  input  logic               flag_we_i,
  input  logic [1:0]         flag_buffer_i,
  input  logic [63:0]        flag_i,
  input  logic               active_i,
  input  logic [1:0]         read_buffer_i,
  output logic               issue_o,
  output logic [2:0]         slot_o,
  output logic [5:0]         k_o,
  output logic [9:0]         rank_o,
  output logic               first_o,
  output logic               last_o,
  output logic               step_end_o
);

  logic [7:0]  has_work;
  logic [63:0] mask, any_b;
  logic [9:0]  base;

  sj_mask_store #(
    .Slots(8),
    .KTile(64)
  ) u_mask_store (
    .clk_i,
    .rst_ni,
    .we_i,
    .buffer_i,
    .mask_i,
    .base_i,
    .flag_we_i,
    .flag_buffer_i,
    .flag_i,
    .read_buffer_i,
    .clear_i      (step_end_o),
    .any_b_o      (any_b),
    .has_work_o   (has_work),
    .slot_i       (slot_o),
    .mask_o       (mask),
    .base_o       (base)
  );

  sj_select #(
    .Slots(8),
    .KTile(64)
  ) u_select (
    .clk_i,
    .rst_ni,
    .active_i,
    .has_work_i(has_work),
    .mask_i    (mask),
    .base_i    (base),
    .any_b_i   (any_b),
    .issue_o,
    .slot_o,
    .k_o,
    .rank_o,
    .first_o,
    .last_o,
    .step_end_o
  );

endmodule
