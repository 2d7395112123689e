// SPDX-License-Identifier: Apache-2.0
// Drain sequencer: walks the A rows m = 0, 1, ... of the oldest visit, each for its beats on the O bus; row m stands in physical row m mod Rows, slot m div Rows.
module sj_drain #(
  parameter  int unsigned Rows     = 16,
  parameter  int unsigned Slots    = 8,
  parameter  int unsigned AccBanks = 2,
  localparam int unsigned RowsW    = $clog2(Rows * Slots + 1),
  localparam int unsigned RowW     = (Rows > 1) ? $clog2(Rows) : 1,
  localparam int unsigned SlotW    = (Slots > 1) ? $clog2(Slots) : 1,
  localparam int unsigned BankW    = (AccBanks > 1) ? $clog2(AccBanks) : 1
) (
  input  logic             clk_i,
  input  logic             rst_ni,
  /// The first beat is in this cycle: rows_i A rows, beats_i beats each (both at least 1).
  input  logic             start_i,
  input  logic [RowsW-1:0] rows_i,
  input  logic [15:0]      beats_i,
  /// Last beat of a row: its sums are read in this cycle.
  output logic             read_o,
  output logic [RowW-1:0]  row_o,
  output logic [SlotW-1:0] slot_o,
  output logic [BankW-1:0] bank_o,
  /// Last beat of the last row: the bank is free from the next cycle on.
  output logic             end_o,
  /// Row number of the sums read in the cycle before.
  output logic             valid_o,
  output logic [RowsW-1:0] index_o,
  /// Drains that have ended.
  output logic [63:0]      drains_done_o
);

  logic             busy_d, busy_q, active, last_beat, last_row;
  logic [RowsW-1:0] rows_d, rows_q, index_d, index_q, index;
  logic [15:0]      beats_d, beats_q, beat_d, beat_q, beat;
  logic [RowW-1:0]  row_d, row_q;
  logic [SlotW-1:0] slot_d, slot_q;
  logic [BankW-1:0] bank_d, bank_q;
  logic [63:0]      drains_done_d, drains_done_q;
  logic             valid_q;
  logic [RowsW-1:0] valid_index_q;

  assign active  = start_i | busy_q;
  assign rows_d  = start_i ? rows_i : rows_q;
  assign beats_d = start_i ? beats_i : beats_q;
  assign index   = start_i ? '0 : index_q;
  assign beat    = start_i ? '0 : beat_q;
  assign row_o   = start_i ? '0 : row_q;
  assign slot_o  = start_i ? '0 : slot_q;
  assign bank_o  = bank_q;

  assign last_beat = beat == beats_d - 16'd1;
  assign last_row  = index == rows_d - RowsW'(1);
  assign read_o    = active & last_beat;
  assign end_o     = read_o & last_row;

  always_comb begin
    busy_d  = active & ~end_o;
    index_d = index;
    row_d   = row_o;
    slot_d  = slot_o;
    beat_d  = beat + 16'd1;
    if (last_beat) begin
      beat_d  = '0;
      index_d = index + RowsW'(1);
      row_d   = (32'(row_o) == Rows - 1) ? '0 : row_o + RowW'(1);
      slot_d  = (32'(row_o) == Rows - 1) ? slot_o + SlotW'(1) : slot_o;
    end
    bank_d = bank_q;
    if (end_o) bank_d = (32'(bank_q) == AccBanks - 1) ? '0 : bank_q + BankW'(1);
  end

  assign drains_done_d = drains_done_q + 64'(end_o);

  always_ff @(posedge clk_i or negedge rst_ni) begin
    if (!rst_ni) begin
      busy_q        <= 1'b0;
      bank_q        <= '0;
      valid_q       <= 1'b0;
      drains_done_q <= '0;
    end else begin
      busy_q        <= busy_d;
      bank_q        <= bank_d;
      valid_q       <= read_o;
      drains_done_q <= drains_done_d;
    end
  end

  always_ff @(posedge clk_i) begin
    rows_q        <= rows_d;
    beats_q       <= beats_d;
    index_q       <= index_d;
    beat_q        <= beat_d;
    row_q         <= row_d;
    slot_q        <= slot_d;
    valid_index_q <= index;
  end

  assign valid_o       = valid_q;
  assign index_o       = valid_index_q;
  assign drains_done_o = drains_done_q;

`ifndef SYNTHESIS
  always_ff @(posedge clk_i or negedge rst_ni) begin
    if (rst_ni) begin
      assert (!(start_i && busy_q)) else $error("A drain begins while another one is under way.");
      assert (!start_i || (rows_i != 0 && beats_i != 0)) else $error("A drain without rows or beats begins.");
    end
  end
`endif

endmodule
