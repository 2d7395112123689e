// SPDX-License-Identifier: Apache-2.0
// The zero-skipping MAC array: Rows physical rows of Lanes MACs, their step control and the drain sequencer. docs/timing.md is its specification,
// sim/systemc/sj_array.hpp the protocol of its ports. All outputs are functions of registers alone.
module sj_array #(
  parameter  int unsigned Rows     = 16,
  parameter  int unsigned Lanes    = 16,
  parameter  int unsigned Slots    = 8,
  parameter  int unsigned KTile    = 64,
  parameter  int unsigned AccBanks = 2,
  /// 0: bf16 with fp32 sums. 1: int8 with int32 sums.
  parameter  int unsigned Dtype    = 0,
  /// 1: zeros are not issued. 0: masks only say which k are in range, and nothing is scanned.
  parameter  int unsigned Skip     = 1,
  /// Values a beat of A, at most.
  parameter  int unsigned ABeat    = 128,
  /// Mutation test only, each costs one cycle: after each change of slot; at each drain; at each commit.
  parameter  int unsigned MutateFindFirst = 0,
  parameter  int unsigned MutateDrain     = 0,
  parameter  int unsigned MutateBLoad     = 0,
  localparam int unsigned RowW     = (Rows > 1) ? $clog2(Rows) : 1,
  localparam int unsigned RowsW    = $clog2(Rows * Slots + 1),
  localparam int unsigned SlotW    = (Slots > 1) ? $clog2(Slots) : 1,
  localparam int unsigned BankW    = (AccBanks > 1) ? $clog2(AccBanks) : 1,
  localparam int unsigned KW       = (KTile > 1) ? $clog2(KTile) : 1,
  localparam int unsigned OffsetW  = $clog2(Slots * KTile + 1),
  localparam int unsigned WorkW    = $clog2(2 * Slots * KTile + 1),
  localparam int unsigned ACountW  = $clog2(ABeat + 1)
) (
  input  logic               clk_i,
  input  logic               rst_ni,
  /// Lanes with a zero operand hold still (and count as gated). Constant during a run; without effect where Skip, which always gates.
  input  logic               gate_i,

  /// The masks of one row in a step, one a slot. buffer: step mod 4.
  input  logic               mask_we_i,
  input  logic [RowW-1:0]    mask_row_i,
  input  logic [1:0]         mask_buffer_i,
  input  logic [Slots-1:0][KTile-1:0]   mask_i,
  /// any_b of a step. buffer: step mod 4.
  input  logic               flag_we_i,
  input  logic [1:0]         flag_buffer_i,
  input  logic [KTile-1:0]   flag_i,

  /// count packed values for a row, from offset on. buffer: step mod 2.
  input  logic               a_we_i,
  input  logic [RowW-1:0]    a_row_i,
  input  logic               a_buffer_i,
  input  logic [OffsetW-1:0] a_offset_i,
  input  logic [ACountW-1:0] a_count_i,
  input  logic [ABeat-1:0][15:0]        a_data_i,
  input  logic [ABeat-1:0]   a_in_range_i,

  /// Lanes of the vector of k, for all rows. buffer: step mod 2.
  input  logic               b_we_i,
  input  logic               b_buffer_i,
  input  logic [KW-1:0]      b_k_i,
  input  logic [Lanes-1:0]   b_lane_en_i,
  input  logic [Lanes-1:0][15:0]        b_data_i,
  input  logic [Lanes-1:0]   b_in_range_i,

  /// The step after the last committed one is loaded, and its descriptor.
  input  logic               commit_i,
  input  logic               visit_first_i,
  input  logic               visit_last_i,
  input  logic               filled_i,
  input  logic [RowsW-1:0]   rows_valid_i,

  /// Drain the oldest visit, first beat in this cycle.
  input  logic               drain_start_i,
  input  logic [RowsW-1:0]   drain_rows_i,
  input  logic [15:0]        drain_beats_i,

  /// Partial sums of A row fill_index_i; fill_last_i: the visit's last.
  input  logic               fill_we_i,
  input  logic               fill_last_i,
  input  logic [BankW-1:0]   fill_bank_i,
  input  logic [RowsW-1:0]   fill_index_i,
  input  logic [Lanes-1:0][31:0]        fill_sum_i,

  output logic [63:0]        steps_done_o,
  output logic [63:0]        visits_done_o,
  output logic [63:0]        drains_done_o,
  /// Sums of A row drain_index_o.
  output logic               drain_valid_o,
  output logic [RowsW-1:0]   drain_index_o,
  output logic [Lanes-1:0][31:0]        drain_sum_o,
  /// Sticky: an fp32 sum became infinite.
  output logic               overflow_o,

  /// Counters of each row, and the array's own.
  output logic [63:0]        count_active_o [Rows],
  output logic [63:0]        count_zero_o [Rows],
  output logic [63:0]        count_gated_o [Rows],
  output logic [63:0]        count_idle_o [Rows],
  output logic [63:0]        count_issue_o [Rows],
  output logic [63:0]        count_acc_read_o [Rows],
  output logic [63:0]        count_acc_write_o [Rows],
  output logic [63:0]        count_a_write_o [Rows],
  output logic [63:0]        count_b_write_o [Rows],
  output logic [63:0]        count_scan_o [Rows],
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

  // ---- Flags, shared by all rows.
  logic [KTile-1:0] flag_q [4];
  always_ff @(posedge clk_i) begin
    if (flag_we_i) flag_q[flag_buffer_i] <= flag_i;
  end

  // ---- Decoders of the write ports.
  logic [Slots-1:0][OffsetW-1:0] mask_base;
  logic [Lanes-1:0]   b_nonzero;
  logic [RowW-1:0]    fill_row;
  logic [SlotW-1:0]   fill_slot;

  sj_mask_prefix #(
    .Slots(Slots),
    .KTile(KTile)
  ) u_mask_prefix (
    .mask_i,
    .base_o(mask_base)
  );

  for (genvar l = 0; l < Lanes; l++) begin : gen_nonzero
    assign b_nonzero[l] = (Dtype == 0) ? (|b_data_i[l][14:7]) : (|b_data_i[l][7:0]);
  end

  assign fill_row  = RowW'(32'(fill_index_i) % Rows);
  assign fill_slot = SlotW'(32'(fill_index_i) / Rows);

  // ---- Step control, drain sequencer.
  logic [63:0]      fills_done_d, fills_done_q;
  logic [1:0]       row_step [Rows];
  logic [Rows-1:0]  row_step_end;
  logic [WorkW-1:0] row_work [Rows];
  logic [1:0]       committed, may_start;
  logic [Rows-1:0]  takes_part [2];
  logic [BankW-1:0] bank [2];
  logic             drain_read, drain_end;
  logic [RowW-1:0]  drain_row;
  logic [SlotW-1:0] drain_slot;
  logic [BankW-1:0] drain_bank;

  assign fills_done_d = fills_done_q + {63'b0, fill_we_i & fill_last_i};

  sj_step_control #(
    .Rows    (Rows),
    .Slots   (Slots),
    .AccBanks(AccBanks),
    .WorkW   (WorkW)
  ) u_step_control (
    .clk_i,
    .rst_ni,
    .commit_i      (commit),
    .visit_first_i (visit_first),
    .visit_last_i  (visit_last),
    .filled_i      (filled),
    .rows_valid_i  (rows_valid),
    .drains_done_i (drains_done_o),
    .fills_done_i  (fills_done_q),
    .row_step_i    (row_step),
    .row_step_end_i(row_step_end),
    .row_work_i    (row_work),
    .committed_o   (committed),
    .may_start_o   (may_start),
    .takes_part_o  (takes_part),
    .bank_o        (bank),
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
    .slot_o       (drain_slot),
    .bank_o       (drain_bank),
    .end_o        (drain_end),
    .valid_o      (drain_valid_o),
    .index_o      (drain_index_o),
    .drains_done_o(drains_done_o)
  );

  // ---- Rows.
  logic [Lanes-1:0][31:0]     row_drain_sum [Rows];
  logic [Rows-1:0] row_infinite;

  for (genvar r = 0; r < Rows; r++) begin : gen_row
    sj_row #(
      .Lanes          (Lanes),
      .Slots          (Slots),
      .KTile          (KTile),
      .AccBanks       (AccBanks),
      .Dtype          (Dtype),
      .Skip           (Skip),
      .ABeat          (ABeat),
      .MutateFindFirst(MutateFindFirst)
    ) u_row (
      .clk_i,
      .rst_ni,
      .gate_i,
      .mask_we_i        (mask_we_i && mask_row_i == RowW'(r)),
      .mask_buffer_i,
      .mask_i,
      .mask_base_i      (mask_base),
      .flag_i           (flag_q),
      .a_we_i           (a_we_i && a_row_i == RowW'(r)),
      .a_buffer_i,
      .a_offset_i,
      .a_count_i,
      .a_data_i,
      .a_in_range_i,
      .b_we_i,
      .b_buffer_i,
      .b_k_i,
      .b_lane_en_i,
      .b_data_i,
      .b_in_range_i,
      .b_nonzero_i      (b_nonzero),
      .committed_i      (committed),
      .may_start_i      (may_start),
      .takes_part_i     ({takes_part[1][r], takes_part[0][r]}),
      .bank_i           (bank),
      .step_o           (row_step[r]),
      .step_end_o       (row_step_end[r]),
      .work_o           (row_work[r]),
      .fill_i           (fill_we_i && fill_row == RowW'(r)),
      .fill_bank_i,
      .fill_slot_i      (fill_slot),
      .fill_sum_i,
      .drain_i          (drain_read && drain_row == RowW'(r)),
      .drain_bank_i     (drain_bank),
      .drain_slot_i     (drain_slot),
      .drain_sum_o      (row_drain_sum[r]),
      .clear_i          (drain_end),
      .clear_bank_i     (drain_bank),
      .infinite_o       (row_infinite[r]),
      .count_active_o   (count_active_o[r]),
      .count_zero_o     (count_zero_o[r]),
      .count_gated_o    (count_gated_o[r]),
      .count_idle_o     (count_idle_o[r]),
      .count_issue_o    (count_issue_o[r]),
      .count_acc_read_o (count_acc_read_o[r]),
      .count_acc_write_o(count_acc_write_o[r]),
      .count_a_write_o  (count_a_write_o[r]),
      .count_b_write_o  (count_b_write_o[r]),
      .count_scan_o     (count_scan_o[r])
    );
  end

  // ---- Output registers.
  logic overflow_q;

  always_ff @(posedge clk_i or negedge rst_ni) begin
    if (!rst_ni) begin
      overflow_q   <= 1'b0;
      fills_done_q <= '0;
    end else begin
      overflow_q   <= overflow_q | (|row_infinite);
      fills_done_q <= fills_done_d;
    end
  end

  always_ff @(posedge clk_i) begin
    if (drain_read) drain_sum_o <= row_drain_sum[drain_row];
  end

  assign overflow_o = overflow_q;

endmodule
