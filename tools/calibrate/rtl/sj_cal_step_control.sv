// SPDX-License-Identifier: Apache-2.0
// For calibration: sj_step_control of sixteen rows, its ports without arrays.
module sj_cal_step_control (
  input  logic         clk_i,
  input  logic         rst_ni,
  input  logic         commit_i,
  input  logic         visit_first_i,
  input  logic         visit_last_i,
  input  logic [63:0]  drains_done_i,
  input  logic [31:0]  row_step_i,
  input  logic [15:0]  row_step_end_i,
  input  logic [175:0] row_work_i,
  output logic [1:0]   committed_o,
  output logic [1:0]   may_start_o,
  output logic [31:0]  takes_part_o,
  output logic [1:0]   bank_o,
  output logic [63:0]  steps_done_o,
  output logic [63:0]  visits_done_o,
  output logic [63:0]  busy_work_o
);

  logic [1:0]  row_step [16];
  logic [10:0] row_work [16];
  logic [15:0] takes_part [2];
  logic        bank [2];

  for (genvar r = 0; r < 16; r++) begin : gen_row
    assign row_step[r] = row_step_i[2*r+:2];
    assign row_work[r] = row_work_i[11*r+:11];
  end
  assign takes_part_o = {takes_part[1], takes_part[0]};
  assign bank_o       = {bank[1], bank[0]};

  sj_step_control #(
    .Rows    (16),
    .Slots   (8),
    .AccBanks(2),
    .WorkW   (11)
  ) u_step_control (
    .clk_i,
    .rst_ni,
    .commit_i,
    .visit_first_i,
    .visit_last_i,
    .filled_i      (1'b0),
    .rows_valid_i  (8'd128),
    .drains_done_i,
    .fills_done_i  (64'b0),
    .row_step_i    (row_step),
    .row_step_end_i,
    .row_work_i    (row_work),
    .committed_o,
    .may_start_o,
    .takes_part_o  (takes_part),
    .bank_o        (bank),
    .steps_done_o,
    .visits_done_o,
    .busy_work_o
  );

endmodule
