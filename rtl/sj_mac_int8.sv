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
  /// A B value a lane, in its low byte.
  input  logic [Lanes-1:0][15:0]  b_i,
  /// A lane that is not enabled sees two zeros.
  input  logic [Lanes-1:0]       enable_i,
  /// Add the products of the cycle before to addend_i in this cycle.
  input  logic                   add_i,
  input  logic [Lanes-1:0][31:0] addend_i,
  /// Sums of this cycle; addend_i unchanged where add_i is 0.
  output logic [Lanes-1:0][31:0] sum_o
);

  // Lanes in groups of sixteen; the last one may hold lanes that nobody sees.
  localparam int unsigned Groups = (Lanes + 15) / 16;

  logic [Groups-1:0][15:0][15:0] b, product_d, product_q;
  logic [Groups-1:0][15:0]       enable;
  logic [Groups-1:0][15:0][31:0] addend;
  // verilator lint_off UNUSEDSIGNAL
  logic [Groups-1:0][15:0][31:0] sum;  // beyond Lanes: nobody sees them
  // verilator lint_on UNUSEDSIGNAL

  assign b      = (Groups * 256)'(b_i);
  assign enable = (Groups * 16)'(enable_i);
  assign addend = (Groups * 512)'(addend_i);
  assign sum_o  = (Lanes * 32)'(sum);

  for (genvar g = 0; g < Groups; g++) begin : gen_group
    always_comb begin
      product_d[g] = product_q[g];
      if (multiply_i) sj_int_pkg::multiply_sixteen_lanes(a_i, b[g], enable[g], product_d[g]);
    end

    always_comb begin
      sum[g] = addend[g];
      if (add_i) sj_int_pkg::add_sixteen_lanes(addend[g], product_q[g], sum[g]);
    end
  end

  always_ff @(posedge clk_i) begin
    product_q <= product_d;
  end

endmodule
