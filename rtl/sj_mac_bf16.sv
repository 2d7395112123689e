// SPDX-License-Identifier: Apache-2.0
// The bf16 lanes of a physical row: one A value times a vector of B values into product registers, then an fp32 add that takes one cycle.
module sj_mac_bf16 #(
  parameter int unsigned Lanes = 16
) (
  input  logic                   clk_i,
  /// Multiply in this cycle; the products are added in the next.
  input  logic                   multiply_i,
  /// The A value that all lanes share.
  input  logic [15:0]            a_i,
  /// A B value a lane.
  input  logic [Lanes-1:0][15:0]  b_i,
  /// A lane that is not enabled sees two zeros: its product is +0.
  input  logic [Lanes-1:0]       enable_i,
  /// Add the products of the cycle before to addend_i in this cycle.
  input  logic                   add_i,
  input  logic [Lanes-1:0][31:0] addend_i,
  /// Sums of this cycle; addend_i unchanged where add_i is 0.
  output logic [Lanes-1:0][31:0] sum_o,
  /// add_i, and some sum is infinite or not a number.
  output logic                   infinite_o
);

  // Lanes in groups of sixteen; the last one may hold lanes that nobody sees.
  localparam int unsigned Groups = (Lanes + 15) / 16;

  logic [Groups-1:0][15:0][15:0] b;
  logic [Groups-1:0][15:0]       enable;
  logic [Groups-1:0][15:0][31:0] addend, product_d, product_q;
  // verilator lint_off UNUSEDSIGNAL
  logic [Groups-1:0][15:0][31:0] sum;  // beyond Lanes: nobody sees them
  // verilator lint_on UNUSEDSIGNAL
  logic [Lanes-1:0]             infinite;

  assign b      = (Groups * 256)'(b_i);
  assign enable = (Groups * 16)'(enable_i);
  assign addend = (Groups * 512)'(addend_i);
  assign sum_o  = (Lanes * 32)'(sum);

  for (genvar g = 0; g < Groups; g++) begin : gen_group
    always_comb begin
      product_d[g] = product_q[g];
      if (multiply_i) sj_float_pkg::multiply_sixteen_lanes(a_i, b[g], enable[g], product_d[g]);
    end

    always_comb begin
      sum[g] = addend[g];
      if (add_i) sj_float_pkg::add_sixteen_lanes(addend[g], product_q[g], sum[g]);
    end
  end

  always_comb begin
    for (int unsigned l = 0; l < Lanes; l++) infinite[l] = &sum_o[l][30:23];
  end
  assign infinite_o = add_i & (|infinite);

  always_ff @(posedge clk_i) begin
    product_q <= product_d;
  end

endmodule
