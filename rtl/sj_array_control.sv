// SPDX-License-Identifier: Apache-2.0
// Everything of the array but its rows: decoders of the write ports, step control, drain sequencer, output registers.
// What the rows get is either a port of the array passed on, or an output here; what they take part in stands in registers here.
module sj_array_control #(
  parameter  int unsigned Rows     = 16,
  parameter  int unsigned Lanes    = 16,
  parameter  int unsigned Slots    = 8,
  parameter  int unsigned KTile    = 64,
  parameter  int unsigned AccBanks = 2,
  /// 0: bf16 with fp32 sums. 1: int8 with int32 sums.
  parameter  int unsigned Dtype    = 0,
  /// Mutation test only, each costs one cycle: at each drain; at each commit.
  parameter  int unsigned MutateDrain = 0,
  parameter  int unsigned MutateBLoad = 0,
  localparam int unsigned RowW     = (Rows > 1) ? $clog2(Rows) : 1,
  localparam int unsigned RowsW    = $clog2(Rows * Slots + 1),
  localparam int unsigned SlotW    = (Slots > 1) ? $clog2(Slots) : 1,
  localparam int unsigned BankW    = (AccBanks > 1) ? $clog2(AccBanks) : 1,
  localparam int unsigned OffsetW  = $clog2(Slots * KTile + 1),
  localparam int unsigned WorkW    = $clog2(2 * Slots * KTile + 1)
) (
  input  logic               clk_i,
  input  logic               rst_ni,

  /// Write ports of the array, as far as they are decoded here.
  input  logic               mask_we_i,
  input  logic [RowW-1:0]    mask_row_i,
  input  logic [Slots-1:0][KTile-1:0]   mask_i,
  input  logic               a_we_i,
  input  logic [RowW-1:0]    a_row_i,
  input  logic               b_we_i,
  input  logic [Lanes-1:0][15:0]        b_data_i,
  input  logic               fill_we_i,
  input  logic               fill_last_i,
  input  logic [RowsW-1:0]   fill_index_i,
  /// The row whose masks, values, partial sums are written; where each slot's values begin in its flat pad; lanes whose B is nonzero.
  output logic [Rows-1:0]    row_mask_we_o,
  output logic [Slots-1:0][OffsetW-1:0] mask_base_o,
  output logic [Rows-1:0]    row_a_we_o,
  output logic [Lanes-1:0]   b_nonzero_o,
  output logic [Rows-1:0]    row_fill_o,
  output logic [SlotW-1:0]   fill_slot_o,

  /// The step after the last committed one is loaded, and its descriptor.
  input  logic               commit_i,
  input  logic               visit_first_i,
  input  logic               visit_last_i,
  input  logic               filled_i,
  input  logic [RowsW-1:0]   rows_valid_i,
  /// To the rows: steps committed (mod 4); of the steps in flight, by step mod 2.
  output logic [1:0]         committed_o,
  output logic [1:0]         may_start_o,
  output logic [Rows-1:0]    takes_part_o [2],
  output logic [BankW-1:0]   bank_o [2],
  /// From the rows: steps ended or passed by (mod 4); the last cycle of a step, and the cycles it took; an infinite sum.
  input  logic [1:0]         row_step_i [Rows],
  input  logic [Rows-1:0]    row_step_end_i,
  input  logic [WorkW-1:0]   row_work_i [Rows],
  input  logic [Rows-1:0]    row_infinite_i,

  /// Drain the oldest visit, first beat in this cycle.
  input  logic               drain_start_i,
  input  logic [RowsW-1:0]   drain_rows_i,
  input  logic [15:0]        drain_beats_i,
  /// To the rows: the row and slot that are read in this cycle, the bank that is free from the next cycle on.
  output logic [Rows-1:0]    row_drain_o,
  output logic [SlotW-1:0]   drain_slot_o,
  output logic [BankW-1:0]   drain_bank_o,
  output logic               drain_end_o,
  /// Sums of the row that is read.
  input  logic [Lanes-1:0][31:0]        drain_sum_i,

  output logic [63:0]        steps_done_o,
  output logic [63:0]        visits_done_o,
  output logic [63:0]        drains_done_o,
  /// Sums of A row drain_index_o.
  output logic               drain_valid_o,
  output logic [RowsW-1:0]   drain_index_o,
  output logic [Lanes-1:0][31:0]        drain_sum_o,
  /// Sticky: an fp32 sum became infinite.
  output logic               overflow_o,
  output logic [63:0]        busy_work_o
);

  // ---- Strobes that a mutant delays by a cycle.
  logic             commit, visit_first, visit_last, filled, drain_start;
  logic [RowsW-1:0] rows_valid, drain_rows;
  logic [15:0]      drain_beats;

  if (MutateBLoad != 0) begin : gen_late_commit
    always_ff @(posedge clk_i or negedge rst_ni) begin
      if (!rst_ni) commit <= 1'b0;
      else commit <= commit_i;
    end
    always_ff @(posedge clk_i) begin
      visit_first <= visit_first_i;
      visit_last  <= visit_last_i;
      filled      <= filled_i;
      rows_valid  <= rows_valid_i;
    end
  end else begin : gen_commit
    assign commit      = commit_i;
    assign visit_first = visit_first_i;
    assign visit_last  = visit_last_i;
    assign filled      = filled_i;
    assign rows_valid  = rows_valid_i;
  end

  if (MutateDrain != 0) begin : gen_late_drain
    always_ff @(posedge clk_i or negedge rst_ni) begin
      if (!rst_ni) drain_start <= 1'b0;
      else drain_start <= drain_start_i;
    end
    always_ff @(posedge clk_i) begin
      drain_rows  <= drain_rows_i;
      drain_beats <= drain_beats_i;
    end
  end else begin : gen_drain
    assign drain_start = drain_start_i;
    assign drain_rows  = drain_rows_i;
    assign drain_beats = drain_beats_i;
  end

  // ---- Decoders of the write ports.
  logic [RowW-1:0] fill_row;

  sj_mask_prefix #(
    .Slots(Slots),
    .KTile(KTile)
  ) u_mask_prefix (
    .enable_i(mask_we_i),
    .mask_i,
    .base_o  (mask_base_o)
  );

  always_comb begin
    b_nonzero_o = '0;
    if (b_we_i) begin
      for (int unsigned l = 0; l < Lanes; l++) b_nonzero_o[l] = (Dtype == 0) ? (|b_data_i[l][14:7]) : (|b_data_i[l][7:0]);
    end
  end

  assign fill_row      = RowW'(32'(fill_index_i) % Rows);
  assign fill_slot_o   = SlotW'(32'(fill_index_i) / Rows);
  assign row_mask_we_o = Rows'(mask_we_i) << mask_row_i;
  assign row_a_we_o    = Rows'(a_we_i) << a_row_i;
  assign row_fill_o    = Rows'(fill_we_i) << fill_row;

  // ---- Step control, drain sequencer.
  logic [63:0]     fills_done_d, fills_done_q;
  logic            drain_read;
  logic [RowW-1:0] drain_row;

  assign fills_done_d = fills_done_q + {63'b0, fill_we_i & fill_last_i};

  sj_step_control #(
    .Rows    (Rows),
    .Slots   (Slots),
    .AccBanks(AccBanks),
    .WorkW   (WorkW)
  ) u_step_control (
    .clk_i,
    .rst_ni,
    .commit_i     (commit),
    .visit_first_i(visit_first),
    .visit_last_i (visit_last),
    .filled_i     (filled),
    .rows_valid_i (rows_valid),
    .drains_done_i(drains_done_o),
    .fills_done_i (fills_done_q),
    .row_step_i,
    .row_step_end_i,
    .row_work_i,
    .committed_o,
    .may_start_o,
    .takes_part_o,
    .bank_o,
    .steps_done_o,
    .visits_done_o,
    .busy_work_o
  );

  sj_drain #(
    .Rows    (Rows),
    .Slots   (Slots),
    .AccBanks(AccBanks)
  ) u_drain (
    .clk_i,
    .rst_ni,
    .start_i      (drain_start),
    .rows_i       (drain_rows),
    .beats_i      (drain_beats),
    .read_o       (drain_read),
    .row_o        (drain_row),
    .slot_o       (drain_slot_o),
    .bank_o       (drain_bank_o),
    .end_o        (drain_end_o),
    .valid_o      (drain_valid_o),
    .index_o      (drain_index_o),
    .drains_done_o(drains_done_o)
  );

  assign row_drain_o = Rows'(drain_read) << drain_row;

  // ---- Output registers.
  logic overflow_q;

  always_ff @(posedge clk_i or negedge rst_ni) begin
    if (!rst_ni) begin
      overflow_q   <= 1'b0;
      fills_done_q <= '0;
    end else begin
      overflow_q   <= overflow_q | (|row_infinite_i);
      fills_done_q <= fills_done_d;
    end
  end

  always_ff @(posedge clk_i) begin
    if (drain_read) drain_sum_o <= drain_sum_i;
  end

  assign overflow_o = overflow_q;

`ifndef SYNTHESIS
  always_ff @(posedge clk_i or negedge rst_ni) begin
    if (rst_ni) begin
      assert (!mask_we_i || 32'(mask_row_i) < Rows) else $error("Masks are written to a row that is not there.");
      assert (!a_we_i || 32'(a_row_i) < Rows) else $error("A values are written to a row that is not there.");
      assert (!fill_we_i || 32'(fill_index_i) < Rows * Slots) else $error("A row of partial sums is written that is not there.");
      assert (!fill_last_i || fill_we_i) else $error("A fill ends without a row of partial sums.");
    end
  end
`endif

endmodule
