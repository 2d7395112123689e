// SPDX-License-Identifier: Apache-2.0
// The int8 lanes of a physical row: one A value times a vector of B values into product registers, then an int32 add that wraps.
module sj_mac_int8 #(
  parameter int unsigned Lanes = 16
) (
  input  logic                   clk_i,
  /// Multiply in this cycle; the products are added in the next.
  input  logic                   multiply_i,
  /// The A value that all lanes share: two's complement.
  input  logic [7:0]             a_i,
  /// A B value a lane.
  input  logic [Lanes-1:0][7:0]   b_i,
  /// A lane that is not enabled sees two zeros.
  input  logic [Lanes-1:0]       enable_i,
  /// Add the products of the cycle before to addend_i in this cycle.
  input  logic                   add_i,
  input  logic [Lanes-1:0][31:0] addend_i,
  /// Sums of this cycle; addend_i unchanged where add_i is 0.
  output logic [Lanes-1:0][31:0] sum_o
);

  logic [Lanes-1:0][15:0] product_d;
  logic [Lanes-1:0][15:0] product_q;

  // Sign-extended product of two bytes. Example: ff (-1) * 02 = fffe.
  function automatic logic [15:0] multiply(input logic [7:0] left, input logic [7:0] right);
    return {{8{left[7]}}, left} * {{8{right[7]}}, right};
  endfunction

  always_comb begin
    product_d = product_q;
    if (multiply_i) begin
      for (int unsigned l = 0; l < Lanes; l++) begin
        product_d[l] = multiply(a_i & {8{enable_i[l]}}, b_i[l] & {8{enable_i[l]}});
      end
    end
  end

  always_comb begin
    sum_o = addend_i;
    if (add_i) begin
      for (int unsigned l = 0; l < Lanes; l++) begin
        sum_o[l] = addend_i[l] + {{16{product_q[l][15]}}, product_q[l]};
      end
    end
  end

  always_ff @(posedge clk_i) begin
    product_q <= product_d;
  end

endmodule
