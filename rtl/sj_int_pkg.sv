// SPDX-License-Identifier: Apache-2.0
// The arithmetic of int8 lanes, sixteen at a time: functions that a simulator keeps once and whose loops over 32-bit words it turns into vector code. The even lanes stand in
// the low halves of the words of B and of the products, the odd ones in the high halves.
package sj_int_pkg;

  /// Products of a lane's A value and the low byte of its B value, both two's complement; 0 where the lane is not enabled. E.g. ff (-1) * 02 = fffe.
  function automatic void multiply_sixteen_lanes(input logic [7:0] a, input logic [15:0][15:0] b, input logic [15:0] enable, output logic [15:0][15:0] product);
    // verilator no_inline_task
    logic [7:0][31:0] pair;
    logic [31:0] a_word;
    logic [31:0] even_mask [8];
    logic [31:0] odd_mask [8];
    pair   = b;
    a_word = {{24{a[7]}}, a};
    for (int unsigned p = 0; p < 8; p++) begin
      even_mask[p] = {32{enable[2*p]}};
      odd_mask[p]  = {32{enable[2*p+1]}};
    end
    for (int unsigned p = 0; p < 8; p++) begin
      pair[p] = ((a_word & even_mask[p]) * (((pair[p] & 32'hff) ^ 32'h80) - 32'h80) & 32'hffff) |
                (((a_word & odd_mask[p]) * ((((pair[p] >> 16) & 32'hff) ^ 32'h80) - 32'h80)) << 16);
    end
    product = pair;
  endfunction

  /// Sums of a vector and of products.
  function automatic void add_sixteen_lanes(input logic [15:0][31:0] addend, input logic [15:0][15:0] product, output logic [15:0][31:0] sum);
    // verilator no_inline_task
    logic [7:0][31:0] pair;
    logic [31:0] even [8];
    logic [31:0] odd [8];
    pair = product;
    for (int unsigned p = 0; p < 8; p++) begin
      even[p] = ((pair[p] & 32'hffff) ^ 32'h8000) - 32'h8000;
      odd[p]  = ((pair[p] >> 16) ^ 32'h8000) - 32'h8000;
    end
    for (int unsigned p = 0; p < 8; p++) begin
      sum[2*p]   = addend[2*p] + even[p];
      sum[2*p+1] = addend[2*p+1] + odd[p];
    end
  endfunction

endpackage
