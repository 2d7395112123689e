// SPDX-License-Identifier: Apache-2.0
// Decoder of the bitmask codec (docs/timing.md section 4), a plain line of 64 bytes a cycle. A coded group of 512 values is a burst of mask bits, value 0 in bit 0, then its
// nonzero values packed into bursts; a plain group is its lines. Full groups alone: the shorter last group of a stream is not decoded here.
module sj_codec_decode #(
  /// 2: bf16, 1: int8.
  parameter  int unsigned ValueBytes = 2,
  localparam int unsigned Values     = 64 / ValueBytes,
  localparam int unsigned Bits       = 8 * ValueBytes,
  localparam int unsigned CountW     = $clog2(Values + 1)
) (
  input  logic         clk_i,
  input  logic         rst_ni,
  /// A group begins: its mask, or that it is plain. Its first line can come out in the next cycle.
  input  logic         start_i,
  input  logic         plain_i,
  input  logic [511:0] mask_i,
  /// A burst of values stands here; taken in the cycle in which take_o is 1.
  input  logic         valid_i,
  input  logic [511:0] burst_i,
  output logic         take_o,
  /// A line is wanted, and comes out in this cycle where valid_o is 1.
  input  logic         ready_i,
  output logic         valid_o,
  output logic [511:0] line_o
);

  localparam int unsigned Levels = $clog2(Values);

  logic [511:0]     mask_d, mask_q;
  logic             plain_q;
  // Values that are left of the burst before, the next one in the lowest place.
  logic [511:0]     rest_d, rest_q;
  logic [CountW-1:0] count_d, count_q, need;
  logic [Values-1:0] mask;
  logic [1023:0]     window, shifted;
  logic [511:0]      spread;
  logic              go, short_of;

  assign mask     = mask_q[Values-1:0];
  assign need     = CountW'($countones(mask));
  assign short_of = plain_q | (count_q < need);
  assign valid_o  = ready_i & (~short_of | valid_i);
  assign take_o   = ready_i & short_of & valid_i;
  assign go       = valid_o & ~plain_q;

  // The burst behind the values that are left.
  always_comb begin
    window = '0;
    if (take_o & ~plain_q) window = 1024'(burst_i);
    for (int unsigned b = 0; b < CountW; b++) begin
      if (count_q[b]) window = window << (Bits << b);
    end
    window = window | 1024'(rest_q);
  end

  // What is left behind this line's values.
  always_comb begin
    shifted = window;
    for (int unsigned b = 0; b < CountW; b++) begin
      if (need[b]) shifted = shifted >> (Bits << b);
    end
    rest_d  = go ? shifted[511:0] : rest_q;
    count_d = count_q;
    if (go) count_d = take_o ? CountW'(32'(count_q) + Values - 32'(need)) : count_q - need;
    if (start_i) count_d = '0;
    if (start_i) rest_d = '0;
    mask_d = go ? mask_q >> Values : mask_q;
    if (start_i) mask_d = mask_i;
  end

  // Each value to its place: a packing of the line's places, run backwards. At level b a place moves by 2^b where the number of zeros below it has bit b.
  always_comb begin
    logic [Values-1:0] [Levels-1:0] zeros, moved_zeros;
    logic [Values-1:0]              there, moved_there;
    logic [Levels-1:0][Values-1:0]  moves;
    logic [Levels-1:0]              below;
    logic [511:0]                   stage;
    below = '0;
    moves = '0;
    for (int unsigned i = 0; i < Values; i++) begin
      zeros[i] = below;
      there[i] = mask[i];
      below    = below + Levels'(!mask[i]);
    end
    for (int unsigned b = 0; b < Levels; b++) begin
      moved_zeros = zeros;
      moved_there = there;
      for (int unsigned i = 0; i < Values; i++) begin
        moves[b][i] = there[i] & zeros[i][b];
      end
      for (int unsigned i = 0; i + (1 << b) < Values; i++) begin
        if (moves[b][i+(1<<b)]) moved_zeros[i] = zeros[i+(1<<b)];
        moved_there[i] = (there[i] & ~moves[b][i]) | moves[b][i+(1<<b)];
      end
      for (int unsigned i = Values - (1 << b); i < Values; i++) begin
        moved_there[i] = there[i] & ~moves[b][i];
      end
      zeros = moved_zeros;
      there = moved_there;
    end
    spread = window[511:0];
    for (int unsigned n = 0; n < Levels; n++) begin
      stage = spread;
      for (int unsigned i = (1 << (Levels - 1 - n)); i < Values; i++) begin
        if (moves[Levels-1-n][i]) stage[i*Bits+:Bits] = spread[(i-(1<<(Levels-1-n)))*Bits+:Bits];
      end
      spread = stage;
    end
  end

  always_comb begin
    for (int unsigned i = 0; i < Values; i++) begin
      line_o[i*Bits+:Bits] = (plain_q ? burst_i[i*Bits+:Bits] : spread[i*Bits+:Bits] & {Bits{mask[i]}}) & {Bits{valid_o}};
    end
  end

  always_ff @(posedge clk_i or negedge rst_ni) begin
    if (!rst_ni) begin
      count_q <= '0;
      plain_q <= 1'b0;
    end else begin
      count_q <= count_d;
      plain_q <= start_i ? plain_i : plain_q;
    end
  end

  always_ff @(posedge clk_i) begin
    mask_q <= mask_d;
    rest_q <= rest_d;
  end

endmodule
