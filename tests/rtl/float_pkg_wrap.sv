// SPDX-License-Identifier: Apache-2.0
// The functions of sj_float_pkg as a module, for its bench.
module float_pkg_wrap (
  input  logic [31:0] a_i,
  input  logic [31:0] b_i,
  /// Of the low halves of a_i and b_i.
  output logic [31:0] product_o,
  output logic [31:0] sum_o
);
  assign product_o = sj_float_pkg::bf16_multiply(a_i & 32'hffff, b_i & 32'hffff);
  assign sum_o     = sj_float_pkg::fp32_add(a_i, b_i);
endmodule
