// SPDX-License-Identifier: Apache-2.0
// The bf16 lanes of a physical row: one A value times a vector of B values into product registers, then an fp32 add that takes one cycle.
// Lanes are a loop in one process, not instances: the simulator's text and compile time do not grow with them.
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

  logic [Lanes-1:0][31:0] product_d;
  logic [Lanes-1:0][31:0] product_q;

  always_comb begin
    product_d = product_q;
    if (multiply_i) begin
      for (int unsigned l = 0; l < Lanes; l++) begin
        product_d[l] = sj_float_pkg::bf16_multiply(a_i & {16{enable_i[l]}}, b_i[l] & {16{enable_i[l]}});
      end
    end
  end

  always_comb begin
    sum_o      = addend_i;
    infinite_o = 1'b0;
    if (add_i) begin
      for (int unsigned l = 0; l < Lanes; l++) begin
        sum_o[l]   = sj_float_pkg::fp32_add(addend_i[l], product_q[l]);
        infinite_o = infinite_o | (&sum_o[l][30:23]);
      end
    end
  end

  always_ff @(posedge clk_i) begin
    product_q <= product_d;
  end

endmodule
