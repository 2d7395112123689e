// SPDX-License-Identifier: Apache-2.0
// Encoder of the bitmask codec (docs/timing.md section 4), a plain line of 64 bytes a cycle: the counterpart of sj_codec_decode. The mask of a group is complete with its last
// line and leaves in the cycle behind it, on a port of its own, as it is the group's first burst. Whether a group is stored plain is decided outside, by its number of nonzeros.
module sj_codec_encode #(
  /// 2: bf16, 1: int8.
  parameter  int unsigned ValueBytes = 2,
  localparam int unsigned Values     = 64 / ValueBytes,
  localparam int unsigned Bits       = 8 * ValueBytes,
  localparam int unsigned CountW     = $clog2(2 * Values + 1)
) (
  input  logic         clk_i,
  input  logic         rst_ni,
  /// A line; the last one of its group.
  input  logic         valid_i,
  input  logic         last_i,
  input  logic [511:0] line_i,
  /// A burst of values, of this group or, its last one, in the cycle behind the group's last line.
  output logic         valid_o,
  output logic [511:0] burst_o,
  /// The mask of the group whose last line came in the cycle before, and its nonzeros.
  output logic         mask_valid_o,
  output logic [511:0] mask_o,
  output logic [9:0]   nonzeros_o
);

  localparam int unsigned Levels = $clog2(Values);

  logic [511:0]      mask_d, mask_q, rest_d, rest_q, packed_line;
  logic [CountW-1:0] count_d, count_q, ones, total, kept;
  logic [9:0]        nonzeros_d, nonzeros_q;
  logic              last_q, full;
  logic [Values-1:0] mask;
  logic [1023:0]     window;

  always_comb begin
    for (int unsigned i = 0; i < Values; i++) begin
      // bf16: a value is zero where its exponent is.
      mask[i] = valid_i & ((ValueBytes == 2) ? (|line_i[i*Bits+Bits-9+:8]) : (|line_i[i*Bits+:Bits]));
    end
  end

  // Nonzeros to the lowest places: at level b a value moves by 2^b where the number of zeros below it has bit b.
  always_comb begin
    logic [Values-1:0] [Levels-1:0] zeros, moved_zeros;
    logic [Values-1:0]              there, moved_there;
    logic [Levels-1:0]              below;
    logic [511:0]                   stage;
    below = '0;
    for (int unsigned i = 0; i < Values; i++) begin
      zeros[i]                      = below;
      there[i]                      = mask[i];
      below                         = below + Levels'(!mask[i]);
      packed_line[i*Bits+:Bits] = line_i[i*Bits+:Bits] & {Bits{mask[i]}};
    end
    for (int unsigned b = 0; b < Levels; b++) begin
      moved_zeros = zeros;
      moved_there = '0;
      stage       = '0;
      for (int unsigned i = 0; i < Values; i++) begin
        if (there[i] & ~zeros[i][b]) begin
          moved_there[i]          = 1'b1;
          stage[i*Bits+:Bits] = packed_line[i*Bits+:Bits];
        end
      end
      for (int unsigned i = 0; i + (1 << b) < Values; i++) begin
        if (there[i+(1<<b)] & zeros[i+(1<<b)][b]) begin
          moved_there[i]          = 1'b1;
          moved_zeros[i]          = zeros[i+(1<<b)];
          stage[i*Bits+:Bits] = packed_line[(i+(1<<b))*Bits+:Bits];
        end
      end
      zeros       = moved_zeros;
      there       = moved_there;
      packed_line = stage;
    end
  end

  assign ones  = CountW'($countones(mask));
  assign kept  = last_q ? '0 : count_q;
  assign total = kept + ones;
  assign full  = 32'(total) >= Values;

  // The line's nonzeros behind what is kept. Behind a group's last line what is kept leaves, and nothing is kept.
  always_comb begin
    window = 1024'(packed_line);
    for (int unsigned b = 0; b < CountW; b++) begin
      if (kept[b]) window = window << (Bits << b);
    end
    if (!last_q) window = window | 1024'(rest_q);
    valid_o = last_q ? (count_q != '0) : full;
    burst_o = (last_q ? rest_q : window[511:0]) & {512{valid_o}};
    // In the cycle of a flush up to a whole burst may be kept.
    rest_d  = (valid_i | last_q) ? ((full & ~last_q) ? window[1023:512] : window[511:0]) : rest_q;
    count_d = (full & ~last_q) ? CountW'(32'(total) - Values) : total;
    mask_d  = valid_i ? {mask, mask_q[511:Values]} : mask_q;
    nonzeros_d = (last_q ? 10'd0 : nonzeros_q) + 10'(ones);
  end

  assign mask_valid_o = last_q;
  assign mask_o       = mask_q & {512{last_q}};
  assign nonzeros_o   = nonzeros_q;

  always_ff @(posedge clk_i or negedge rst_ni) begin
    if (!rst_ni) begin
      count_q    <= '0;
      nonzeros_q <= '0;
      last_q     <= 1'b0;
    end else begin
      count_q    <= count_d;
      nonzeros_q <= nonzeros_d;
      last_q     <= valid_i & last_i;
    end
  end

  always_ff @(posedge clk_i) begin
    mask_q <= mask_d;
    rest_q <= rest_d;
  end

endmodule
