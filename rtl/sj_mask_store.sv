// SPDX-License-Identifier: Apache-2.0
// The masks of a physical row: four buffers of one mask a slot, with each slot's first place in the flat pad; and its copy of the flags, which are written by broadcast.
module sj_mask_store #(
  parameter  int unsigned Slots   = 8,
  parameter  int unsigned KTile   = 64,
  localparam int unsigned OffsetW = $clog2(Slots * KTile + 1)
) (
  input  logic                          clk_i,
  input  logic                          rst_ni,
  /// Write all masks of a step into a buffer (step number mod 4).
  input  logic                          we_i,
  input  logic [1:0]                    buffer_i,
  input  logic [Slots-1:0][KTile-1:0]   mask_i,
  input  logic [Slots-1:0][OffsetW-1:0] base_i,
  /// Write the flags of a step (any_b: k with some nonzero B).
  input  logic                          flag_we_i,
  input  logic [1:0]                    flag_buffer_i,
  input  logic [KTile-1:0]              flag_i,
  /// Buffer to read, in the same cycle.
  input  logic [1:0]                    read_buffer_i,
  /// The row ends the step of the buffer being read: until it is written again it counts as empty.
  input  logic                          clear_i,
  /// 0: the masks of this step were never written, all of them are empty whatever mask_o shows.
  output logic                          written_o,
  output logic [Slots-1:0][KTile-1:0]   mask_o,
  output logic [Slots-1:0][OffsetW-1:0] base_o,
  output logic [KTile-1:0]              flag_o
);

  logic [Slots-1:0][KTile-1:0]   mask_q [4];
  logic [Slots-1:0][OffsetW-1:0] base_q [4];
  logic [KTile-1:0]              flag_q [4];

  logic [3:0] written_d, written_q;

  assign mask_o    = mask_q[read_buffer_i];
  assign base_o    = base_q[read_buffer_i];
  assign flag_o    = flag_q[read_buffer_i];
  assign written_o = written_q[read_buffer_i];

  always_comb begin
    written_d = written_q;
    if (clear_i) written_d[read_buffer_i] = 1'b0;
    if (we_i) written_d[buffer_i] = 1'b1;
  end

  always_ff @(posedge clk_i or negedge rst_ni) begin
    if (!rst_ni) written_q <= '0;
    else         written_q <= written_d;
  end

  always_ff @(posedge clk_i) begin
    if (we_i) begin
      mask_q[buffer_i] <= mask_i;
      base_q[buffer_i] <= base_i;
    end
    if (flag_we_i) flag_q[flag_buffer_i] <= flag_i;
  end

endmodule
