// SPDX-License-Identifier: Apache-2.0
// The B pad of a physical row: two buffers of KTile vectors. A write gives some lanes of a vector; a whole vector is read a cycle.
module sj_b_pad #(
  parameter  int unsigned Lanes = 16,
  parameter  int unsigned KTile = 64,
  localparam int unsigned KW    = (KTile > 1) ? $clog2(KTile) : 1
) (
  input  logic             clk_i,
  /// Write the lanes of lane_en_i of vector k_i of a buffer (step number mod 2). A write of lane 0 begins the vector: lanes that nobody writes hold nothing in range.
  input  logic             we_i,
  input  logic             buffer_i,
  input  logic [KW-1:0]    k_i,
  input  logic [Lanes-1:0] lane_en_i,
  input  logic [Lanes-1:0][15:0] data_i,
  /// The lane is valid and its element is no padding.
  input  logic [Lanes-1:0] in_range_i,
  /// The lane's element is nonzero.
  input  logic [Lanes-1:0] nonzero_i,
  /// Read a vector: it stands at the outputs in the next cycle.
  input  logic             re_i,
  input  logic             read_buffer_i,
  input  logic [KW-1:0]    read_k_i,
  output logic [Lanes-1:0][15:0] data_o,
  output logic [Lanes-1:0] in_range_o,
  output logic [Lanes-1:0] nonzero_o
);

  localparam int unsigned AddrW = $clog2(2 * KTile);

  logic [Lanes-1:0][15:0] pad [2*KTile];
  logic [Lanes-1:0] in_range [2*KTile];
  logic [Lanes-1:0] nonzero [2*KTile];
  logic [AddrW-1:0] read_addr, write_addr;

  assign read_addr  = (read_buffer_i ? AddrW'(KTile) : '0) + AddrW'(read_k_i);
  assign write_addr = (buffer_i ? AddrW'(KTile) : '0) + AddrW'(k_i);

  // The pad is written and read in this process alone, the read first: blocking writes are safe, and cheap to simulate; so is a whole vector in one write.
  // verilator lint_off BLKSEQ
  always_ff @(posedge clk_i) begin
    if (re_i) begin
      data_o     <= pad[read_addr];
      in_range_o <= in_range[read_addr];
      nonzero_o  <= nonzero[read_addr];
    end
    if (we_i) begin
      if (&lane_en_i) begin
        pad[write_addr] = data_i;
      end else begin
        for (int unsigned l = 0; l < Lanes; l++) begin
          if (lane_en_i[l]) pad[write_addr][l] = data_i[l];
        end
      end
      in_range[write_addr] = (in_range_i & lane_en_i) | (in_range[write_addr] & ~lane_en_i & ~{Lanes{lane_en_i[0]}});
      nonzero[write_addr]  = (nonzero_i & lane_en_i) | (nonzero[write_addr] & ~lane_en_i);
    end
  end
  // verilator lint_on BLKSEQ

`ifndef SYNTHESIS
  always_ff @(posedge clk_i) begin
    assert (!we_i || 32'(k_i) < KTile) else $error("A B vector is written beyond the k-step.");
  end
`endif

endmodule
