// SPDX-License-Identifier: Apache-2.0
// For calibration: the accumulators of one lane, 16 words of 32 bits in flip-flops, with the control that a row's lanes share.
module sj_cal_accumulators (
  input  logic        clk_i,
  input  logic        rst_ni,
  input  logic        bank_i,
  input  logic [2:0]  slot_i,
  input  logic        load_i,
  input  logic        we_i,
  input  logic [31:0] sum_i,
  input  logic        drain_i,
  input  logic        drain_bank_i,
  input  logic [2:0]  drain_slot_i,
  input  logic        clear_i,
  input  logic        clear_bank_i,
  output logic [31:0] sum_o,
  output logic        valid_o,
  output logic [31:0] drain_sum_o,
  output logic        drain_valid_o
);

  sj_accumulators #(
    .Lanes   (1),
    .Slots   (8),
    .AccBanks(2)
  ) u_accumulators (
    .clk_i,
    .rst_ni,
    .bank_i,
    .slot_i,
    .load_i,
    .sum_o,
    .valid_o,
    .we_i,
    .sum_i,
    .fill_i      (1'b0),
    .fill_bank_i (1'b0),
    .fill_slot_i (3'b0),
    .fill_sum_i  (32'b0),
    .drain_i,
    .drain_bank_i,
    .drain_slot_i,
    .drain_sum_o,
    .drain_valid_o,
    .clear_i,
    .clear_bank_i
  );

endmodule
