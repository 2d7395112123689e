// SPDX-License-Identifier: Apache-2.0
// The arithmetic of int8 lanes, eight lanes at a time: functions that a simulator keeps once and whose loops over 32-bit words it turns into vector code.
package sj_int_pkg;

  /// Products of a lane's A value and the low byte of its B value, both two's complement; 0 where the lane is not enabled. E.g. ff (-1) * 02 = fffe.
  function automatic void multiply_eight_lanes(input logic [7:0] a, input logic [7:0][15:0] b, input logic [7:0] enable, output logic [7:0][15:0] product);
    // verilator no_inline_task
    logic [3:0][31:0] pair;
    logic [31:0] a_word;
    logic [31:0] mask [8];
    logic [31:0] b_word [8];
    logic [31:0] product_word [8];
    pair   = b;
    a_word = {{24{a[7]}}, a};
    for (int unsigned p = 0; p < 4; p++) begin
      b_word[2*p]   = pair[p] & 32'hff;
      b_word[2*p+1] = (pair[p] >> 16) & 32'hff;
    end
    for (int unsigned l = 0; l < 8; l++) begin
      mask[l] = {32{enable[l]}};
    end
    for (int unsigned l = 0; l < 8; l++) begin
      product_word[l] = (a_word & mask[l]) * (((b_word[l] ^ 32'h80) - 32'h80) & mask[l]);
    end
    for (int unsigned p = 0; p < 4; p++) begin
      pair[p] = (product_word[2*p] & 32'hffff) | (product_word[2*p+1] << 16);
    end
    product = pair;
  endfunction

  /// Sums of a vector and of products.
  function automatic void add_eight_lanes(input logic [7:0][31:0] addend, input logic [7:0][15:0] product, output logic [7:0][31:0] sum);
    // verilator no_inline_task
    logic [3:0][31:0] pair;
    logic [31:0] product_word [8];
    pair = product;
    for (int unsigned p = 0; p < 4; p++) begin
      product_word[2*p]   = pair[p] & 32'hffff;
      product_word[2*p+1] = pair[p] >> 16;
    end
    for (int unsigned l = 0; l < 8; l++) begin
      sum[l] = addend[l] + (product_word[l] ^ 32'h8000) - 32'h8000;
    end
  endfunction

endpackage
