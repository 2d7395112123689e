// SPDX-License-Identifier: Apache-2.0
// The flat A pad of a physical row: two buffers of packed values. A beat writes several values; one value is read a cycle.
module sj_a_pad #(
  /// Values a buffer.
  parameter  int unsigned Depth   = 512,
  /// Values a beat, at most.
  parameter  int unsigned Beat    = 128,
  localparam int unsigned OffsetW = $clog2(Depth + 1),
  localparam int unsigned CountW  = $clog2(Beat + 1)
) (
  input  logic               clk_i,
  /// Write count_i values from offset_i on of a buffer (step number mod 2).
  input  logic               we_i,
  input  logic               buffer_i,
  input  logic [OffsetW-1:0] offset_i,
  input  logic [CountW-1:0]  count_i,
  input  logic [Beat-1:0][15:0] data_i,
  /// 0: a padding value that is issued all the same; its lanes are idle.
  input  logic [Beat-1:0]    in_range_i,
  /// Read a value: it stands at value_o and in_range_o in the next cycle.
  input  logic               re_i,
  input  logic               read_buffer_i,
  input  logic [OffsetW-1:0] read_offset_i,
  output logic [15:0]        value_o,
  output logic               in_range_o
);

  localparam int unsigned AddrW = $clog2(2 * Depth);

  logic [16:0]      pad [2*Depth];
  logic [AddrW-1:0] read_addr, write_addr;

  assign read_addr  = (read_buffer_i ? AddrW'(Depth) : '0) + AddrW'(read_offset_i);
  assign write_addr = (buffer_i ? AddrW'(Depth) : '0) + AddrW'(offset_i);

  // The pad is written and read in this process alone, the read first: blocking writes in a loop are safe, and cheap to simulate.
  // verilator lint_off BLKSEQ
  always_ff @(posedge clk_i) begin
    if (re_i) begin
      {in_range_o, value_o} <= pad[read_addr];
    end
    if (we_i) begin
      for (int unsigned i = 0; i < Beat; i++) begin
        if (i < 32'(count_i)) pad[write_addr + AddrW'(i)] = {in_range_i[i], data_i[i]};
      end
    end
  end
  // verilator lint_on BLKSEQ

`ifndef SYNTHESIS
  always_ff @(posedge clk_i) begin
    assert (!we_i || 32'(offset_i) + 32'(count_i) <= Depth) else $error("A beat of A values runs over the end of the flat pad.");
  end
`endif

endmodule
