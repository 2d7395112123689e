// SPDX-License-Identifier: Apache-2.0
// The masks of a physical row: four buffers of one mask a slot, with each slot's first place in the flat pad; and its copy of the flags, which are written by broadcast.
module sj_mask_store #(
  parameter  int unsigned Slots   = 8,
  parameter  int unsigned KTile   = 64,
  localparam int unsigned SlotW   = (Slots > 1) ? $clog2(Slots) : 1,
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
  /// k with some nonzero B; none where the masks of this step were never written, whatever mask_o shows.
  output logic [KTile-1:0]              any_b_o,
  /// The slots with a mask bit at such a k.
  output logic [Slots-1:0]              has_work_o,
  /// A slot's mask, and where its values begin.
  input  logic [SlotW-1:0]              slot_i,
  output logic [KTile-1:0]              mask_o,
  output logic [OffsetW-1:0]            base_o
);

  localparam int unsigned AddrW = $clog2(4 * Slots);

  logic [KTile-1:0]   mask_q [4*Slots];
  logic [OffsetW-1:0] base_q [4*Slots];
  logic [KTile-1:0]   flag_q [4];
  logic [Slots-1:0]   has_work_q [4];
  logic [3:0]         written_d, written_q;
  logic [AddrW-1:0]   read_addr;

  // First entry of a buffer.
  function automatic logic [AddrW-1:0] first_of(input logic [1:0] in_buffer);
    return AddrW'(32'(in_buffer) * Slots);
  endfunction

  assign read_addr  = first_of(read_buffer_i) + AddrW'(slot_i);
  assign any_b_o    = flag_q[read_buffer_i] & {KTile{written_q[read_buffer_i]}};
  assign has_work_o = has_work_q[read_buffer_i] & {Slots{written_q[read_buffer_i]}};
  assign mask_o     = mask_q[read_addr];
  assign base_o     = base_q[read_addr];

  always_comb begin
    written_d = written_q;
    if (clear_i) written_d[read_buffer_i] = 1'b0;
    if (we_i) written_d[buffer_i] = 1'b1;
  end

  always_ff @(posedge clk_i or negedge rst_ni) begin
    if (!rst_ni) written_q <= '0;
    else         written_q <= written_d;
  end

  // Which slots have work is settled when masks and flags are written, in either order, not while the row selects. The buffers that are written are not those of a step
  // that is worked on, so that blocking writes are safe here; they are cheap to simulate.
  // verilator lint_off BLKSEQ
  always_ff @(posedge clk_i) begin
    if (flag_we_i) begin
      flag_q[flag_buffer_i] = flag_i;
      for (int unsigned s = 0; s < Slots; s++) has_work_q[flag_buffer_i][s] = |(mask_q[first_of(flag_buffer_i) + AddrW'(s)] & flag_i);
    end
    if (we_i) begin
      for (int unsigned s = 0; s < Slots; s++) begin
        mask_q[first_of(buffer_i) + AddrW'(s)] = mask_i[s];
        base_q[first_of(buffer_i) + AddrW'(s)] = base_i[s];
        has_work_q[buffer_i][s]                = |(mask_i[s] & flag_q[buffer_i]);
      end
    end
  end
  // verilator lint_on BLKSEQ

`ifndef SYNTHESIS
  always_ff @(posedge clk_i or negedge rst_ni) begin
    if (rst_ni) begin
      assert (!we_i || !written_q[buffer_i]) else $error("Masks are written over those of a step that has not ended.");
    end
  end
`endif

endmodule
