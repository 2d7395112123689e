// SPDX-License-Identifier: Apache-2.0
// The masks of a physical row: four buffers of one mask a slot, with each slot's first place in the flat pad.
module sj_mask_store #(
  parameter  int unsigned Slots   = 8,
  parameter  int unsigned KTile   = 64,
  localparam int unsigned OffsetW = $clog2(Slots * KTile + 1)
) (
  input  logic                          clk_i,
  /// Write all masks of a step into a buffer (step number mod 4).
  input  logic                          we_i,
  input  logic [1:0]                    buffer_i,
  input  logic [Slots-1:0][KTile-1:0]   mask_i,
  input  logic [Slots-1:0][OffsetW-1:0] base_i,
  /// Buffer to read, in the same cycle.
  input  logic [1:0]                    read_buffer_i,
  output logic [Slots-1:0][KTile-1:0]   mask_o,
  output logic [Slots-1:0][OffsetW-1:0] base_o
);

  logic [Slots-1:0][KTile-1:0]   mask_q [4];
  logic [Slots-1:0][OffsetW-1:0] base_q [4];

  assign mask_o = mask_q[read_buffer_i];
  assign base_o = base_q[read_buffer_i];

  always_ff @(posedge clk_i) begin
    if (we_i) begin
      mask_q[buffer_i] <= mask_i;
      base_q[buffer_i] <= base_i;
    end
  end

endmodule
