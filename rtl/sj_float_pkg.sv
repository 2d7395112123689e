// SPDX-License-Identifier: Apache-2.0
// The arithmetic of a bf16 lane. Values with exponent 0 are zeros; results that would have exponent 0 become +0.
// Working variables are 32 bits wide and free of branches: a simulator turns a loop over lanes into straight vector code.
package sj_float_pkg;

  localparam logic [31:0] QuietNan = 32'h7fc0_0000;
  localparam logic [31:0] Infinity = 32'h7f80_0000;

  /// Exact product of two bf16 values as fp32: two 8-bit significands give 16 bits of 24. E.g. 3f80 (1.0) * c000 (-2.0) = c0000000.
  function automatic logic [31:0] bf16_multiply(input logic [15:0] a, input logic [15:0] b);
    // verilator no_inline_task
    logic [31:0] exp_a, exp_b, exponent, significand, carry, fraction, magnitude, sign;
    logic zero, special, nan;
    exp_a       = {24'b0, a[14:7]};
    exp_b       = {24'b0, b[14:7]};
    zero        = (exp_a == 0) | (exp_b == 0);
    special     = (exp_a == 255) | (exp_b == 255);
    nan         = ((exp_a == 255) & (a[6:0] != 0)) | ((exp_b == 255) & (b[6:0] != 0)) | zero;
    significand = {24'b0, 1'b1, a[6:0]} * {24'b0, 1'b1, b[6:0]};  // 1.0 stands at bit 14, up to 3.97
    carry       = significand >> 15;
    fraction    = (significand << (5'd9 - carry[4:0])) & 32'h007f_ffff;
    exponent    = exp_a + exp_b + carry;                          // biased twice: the result's exponent is this - 127
    magnitude   = ((exponent - 127) << 23) | fraction;
    magnitude   = (exponent >= 382) ? Infinity : magnitude;
    magnitude   = (zero | (exponent <= 127)) ? 32'b0 : magnitude;
    magnitude   = special ? (nan ? QuietNan : Infinity) : magnitude;
    sign        = (magnitude == 0) ? 32'b0 : {a[15] ^ b[15], 31'b0};
    return magnitude | sign;
  endfunction

  /// Sum of two fp32 values, rounded to nearest even. E.g. 3f800000 (1.0) + 33800000 (2^-24) = 3f800000, a tie to even.
  function automatic logic [31:0] fp32_add(input logic [31:0] a, input logic [31:0] b);
    // verilator no_inline_task
    logic [31:0] larger, smaller, exp_big, exp_small, sig_big, sig_small, gap, aligned, lost, sum, exponent, magnitude;
    logic [4:0] distance;
    logic swap, subtract, cancelled, round_up, nan;
    swap      = (b & 32'h7fff_ffff) > (a & 32'h7fff_ffff);
    larger       = swap ? b : a;
    smaller     = swap ? a : b;
    exp_big   = (larger >> 23) & 32'hff;
    exp_small = (smaller >> 23) & 32'hff;
    subtract  = larger[31] ^ smaller[31];
    // Significands with their leading one at bit 26: three bits below for guard, round and sticky.
    sig_big   = (exp_big == 0) ? 32'b0 : (((larger & 32'h007f_ffff) | 32'h0080_0000) << 3);
    sig_small = (exp_small == 0) ? 32'b0 : (((smaller & 32'h007f_ffff) | 32'h0080_0000) << 3);
    gap       = exp_big - exp_small;
    distance  = (gap > 31) ? 5'd31 : gap[4:0];
    aligned   = sig_small >> distance;
    lost      = sig_small ^ (aligned << distance);
    aligned   = aligned | {31'b0, lost != 0};
    sum       = subtract ? (sig_big - aligned) : (sig_big + aligned);
    // Leading one to bit 27.
    exponent  = exp_big + 1;
    cancelled = sum == 0;
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
    // The leading one adds 1 to the exponent field, a carry out of the rounding another: no second normalisation.
    round_up  = sum[3] & ((sum[2:0] != 0) | sum[4]);
    magnitude = ((exponent - 1) << 23) + (sum >> 4) + {31'b0, round_up};
    magnitude = ($signed(exponent) >= 255) ? Infinity : magnitude;
    magnitude = (cancelled | ($signed(exponent) <= 0)) ? 32'b0 : magnitude;
    nan       = ((larger & 32'h007f_ffff) != 0) | (subtract & (exp_small == 255));
    magnitude = (exp_big == 255) ? (nan ? QuietNan : Infinity) : magnitude;
    return magnitude | ((magnitude == 0) ? 32'b0 : (larger & 32'h8000_0000));
  endfunction

endpackage
