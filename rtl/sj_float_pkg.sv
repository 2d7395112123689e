// SPDX-License-Identifier: Apache-2.0
// The arithmetic of a bf16 lane. Values with exponent 0 are zeros; results that would have exponent 0 become +0.
// Working variables are 32 bits wide and free of branches: a simulator turns a loop over lanes into straight vector code.
package sj_float_pkg;

  localparam logic [31:0] QuietNan = 32'h7fc0_0000;
  localparam logic [31:0] Infinity = 32'h7f80_0000;

  /// Exact product of two bf16 values (in the low half of the words) as fp32: two 8-bit significands give 16 bits of 24. E.g. 3f80 (1.0) * c000 (-2.0) = c0000000.
  function automatic logic [31:0] bf16_multiply(input logic [31:0] a, input logic [31:0] b);
    logic [31:0] exp_a, exp_b, exponent, significand, carry, fraction, magnitude, zero, special, nan, sign;
    exp_a       = (a >> 7) & 32'hff;
    exp_b       = (b >> 7) & 32'hff;
    significand = ((a & 32'h7f) | 32'h80) * ((b & 32'h7f) | 32'h80);  // 1.0 stands at bit 14, up to 3.97
    carry       = significand >> 15;
    fraction    = ((carry == 0) ? significand << 9 : significand << 8) & 32'h007f_ffff;
    exponent    = exp_a + exp_b + carry;                              // biased twice: the result's exponent is this - 127
    magnitude   = ((exponent - 127) << 23) | fraction;
    magnitude   = (exponent >= 382) ? Infinity : magnitude;
    magnitude   = (exponent <= 127) ? 32'b0 : magnitude;
    zero        = ((exp_a == 0) ? 32'd1 : 32'd0) | ((exp_b == 0) ? 32'd1 : 32'd0);
    special     = ((exp_a == 255) ? 32'd1 : 32'd0) | ((exp_b == 255) ? 32'd1 : 32'd0);
    nan         = (((a & 32'h7fff) > 32'h7f80) ? 32'd1 : 32'd0) | (((b & 32'h7fff) > 32'h7f80) ? 32'd1 : 32'd0) | (zero & special);
    magnitude   = (special == 0) ? magnitude : Infinity;
    magnitude   = (zero == 0) ? magnitude : 32'b0;
    magnitude   = (nan == 0) ? magnitude : QuietNan;
    sign        = (magnitude == 0) ? 32'b0 : (((a ^ b) << 16) & 32'h8000_0000);
    return magnitude | sign;
  endfunction

  /// Sum of two fp32 values, rounded to nearest even. E.g. 3f800000 (1.0) + 33800000 (2^-24) = 3f800000, a tie to even.
  function automatic logic [31:0] fp32_add(input logic [31:0] a, input logic [31:0] b);
    logic [31:0] swap, larger, smaller, exp_big, exp_small, sig_big, sig_small, gap, aligned, lost, minus, sum, nothing, exponent, round_up, nan, magnitude;
    logic [4:0] distance;
    // Exchanged by masks: a choice of both by one condition would become a branch.
    swap      = ((b & 32'h7fff_ffff) > (a & 32'h7fff_ffff)) ? 32'hffff_ffff : 32'b0;
    swap      = swap & (a ^ b);
    larger    = a ^ swap;
    smaller   = b ^ swap;
    exp_big   = (larger >> 23) & 32'hff;
    exp_small = (smaller >> 23) & 32'hff;
    // Significands with their leading one at bit 26: three bits below for guard, round and sticky.
    sig_big   = (exp_big == 0) ? 32'b0 : (((larger & 32'h007f_ffff) | 32'h0080_0000) << 3);
    sig_small = (exp_small == 0) ? 32'b0 : (((smaller & 32'h007f_ffff) | 32'h0080_0000) << 3);
    gap       = exp_big - exp_small;
    distance  = (gap > 31) ? 5'd31 : gap[4:0];
    aligned   = sig_small >> distance;
    lost      = sig_small ^ (aligned << distance);
    aligned   = aligned | ((lost == 0) ? 32'd0 : 32'd1);
    minus     = 32'd0 - ((larger ^ smaller) >> 31);  // all ones: subtract
    sum       = sig_big + (aligned ^ minus) - minus;
    nothing   = (sum == 0) ? 32'hffff_ffff : 32'b0;
    // Leading one to bit 27.
    exponent  = exp_big + 1;
    exponent  = ((sum >> 12) == 0) ? exponent - 16 : exponent;
    sum       = ((sum >> 12) == 0) ? sum << 16 : sum;
    exponent  = ((sum >> 20) == 0) ? exponent - 8 : exponent;
    sum       = ((sum >> 20) == 0) ? sum << 8 : sum;
    exponent  = ((sum >> 24) == 0) ? exponent - 4 : exponent;
    sum       = ((sum >> 24) == 0) ? sum << 4 : sum;
    exponent  = ((sum >> 26) == 0) ? exponent - 2 : exponent;
    sum       = ((sum >> 26) == 0) ? sum << 2 : sum;
    exponent  = ((sum >> 27) == 0) ? exponent - 1 : exponent;
    sum       = ((sum >> 27) == 0) ? sum << 1 : sum;
    // Up where the bits below are more than a half, or a half and the result odd: then one of bits 0, 1, 2, 4 is set.
    round_up  = (sum >> 3) & (((sum & 32'h17) == 0) ? 32'd0 : 32'd1);
    // The leading one adds 1 to the exponent field, a carry out of the rounding another: no second normalisation.
    exponent  = exponent - 1;
    magnitude = (exponent << 23) + (sum >> 4) + round_up;
    nothing   = nothing | (32'd0 - (exponent >> 31));  // an exponent field below 1 flushes
    magnitude = (exp_big >= 254 && (magnitude >> 23) >= 255) ? Infinity : magnitude;
    magnitude = magnitude & ~nothing;
    nan       = (larger & 32'h007f_ffff) | (minus & ((exp_small == 255) ? 32'd1 : 32'd0));
    magnitude = (exp_big == 255) ? ((nan == 0) ? Infinity : QuietNan) : magnitude;
    return magnitude | ((magnitude == 0) ? 32'b0 : (larger & 32'h8000_0000));
  endfunction

  // Sixteen lanes at a time. The simulator keeps these as functions, once for the whole row, and can turn their loops over unpacked copies into vector code: first the even
  // lanes, then the odd ones, which stand in the low and high halves of the words of B.

  /// Products of a lane's A value and its B value; +0 where the lane is not enabled.
  function automatic void multiply_sixteen_lanes(input logic [15:0] a, input logic [15:0][15:0] b, input logic [15:0] enable, output logic [15:0][31:0] product);
    // verilator no_inline_task
    logic [7:0][31:0] pair;
    logic [31:0] even_mask [8];
    logic [31:0] odd_mask [8];
    logic [31:0] even [8];
    logic [31:0] odd [8];
    pair = b;
    for (int unsigned p = 0; p < 8; p++) begin
      even_mask[p] = {32{enable[2*p]}};
      odd_mask[p]  = {32{enable[2*p+1]}};
    end
    for (int unsigned p = 0; p < 8; p++) begin
      even[p] = bf16_multiply({16'b0, a} & even_mask[p], pair[p] & 32'hffff & even_mask[p]);
    end
    for (int unsigned p = 0; p < 8; p++) begin
      odd[p] = bf16_multiply({16'b0, a} & odd_mask[p], (pair[p] >> 16) & odd_mask[p]);
    end
    for (int unsigned p = 0; p < 8; p++) begin
      product[2*p]   = even[p];
      product[2*p+1] = odd[p];
    end
  endfunction

  /// Sums of two vectors.
  function automatic void add_sixteen_lanes(input logic [15:0][31:0] a, input logic [15:0][31:0] b, output logic [15:0][31:0] sum);
    // verilator no_inline_task
    logic [31:0] a_word [16];
    logic [31:0] b_word [16];
    logic [31:0] sum_word [16];
    for (int unsigned l = 0; l < 16; l++) begin
      a_word[l] = a[l];
      b_word[l] = b[l];
    end
    for (int unsigned l = 0; l < 16; l++) begin
      sum_word[l] = fp32_add(a_word[l], b_word[l]);
    end
    for (int unsigned l = 0; l < 16; l++) begin
      sum[l] = sum_word[l];
    end
  endfunction

endpackage
