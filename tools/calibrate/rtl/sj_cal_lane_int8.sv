// SPDX-License-Identifier: Apache-2.0
// For calibration: one int8 lane of a row with the registers that exist once a lane, wired as in sj_row: the B pad's output register, sj_mac_int8 (which holds the product
// register), the choice of the addend, and the working sum. What a row's lanes share comes from outside as it leaves the row's registers: the A value and its flags, the
// strobes of the pipeline. The accumulators are outside, too.
module sj_cal_lane_int8 (
  input  logic        clk_i,
  /// Cycle c: the B pad's read port, and the row's issue.
  input  logic        issue_i,
  input  logic [15:0] b_i,
  input  logic        b_in_range_i,
  input  logic        b_nonzero_i,
  /// Cycle c+1: the A register, shared by the row's lanes.
  input  logic        multiply_i,
  input  logic        gate_i,
  // verilator lint_off UNUSEDSIGNAL
  input  logic [15:0] a_i,  // its low byte: the ports are those of the bf16 lane
  // verilator lint_on UNUSEDSIGNAL
  input  logic        a_in_range_i,
  input  logic        a_nonzero_i,
  /// Cycle c+2: what the accumulators give for the first addition of a slot.
  input  logic        add_i,
  input  logic        add_first_i,
  input  logic [31:0] loaded_i,
  output logic [31:0] sum_o,
  output logic        infinite_o
);

  logic [15:0] b_q;
  logic        in_range_q, nonzero_q, in_range, both_nonzero, enable;
  logic [31:0] addend, working_q;

  always_ff @(posedge clk_i) begin
    if (issue_i) begin
      b_q        <= b_i;
      in_range_q <= b_in_range_i;
      nonzero_q  <= b_nonzero_i;
    end
    if (add_i) working_q <= sum_o;
  end

  assign in_range     = in_range_q & a_in_range_i;
  assign both_nonzero = in_range & nonzero_q & a_nonzero_i;
  assign enable       = gate_i ? both_nonzero : in_range;
  assign addend       = add_first_i ? loaded_i : working_q;

  sj_mac_int8 #(
    .Lanes(1)
  ) u_mac (
    .clk_i,
    .multiply_i,
    .a_i       (a_i[7:0]),
    .b_i       (b_q),
    .enable_i  (enable),
    .add_i,
    .addend_i  (addend),
    .sum_o
  );
  assign infinite_o = 1'b0;

endmodule
