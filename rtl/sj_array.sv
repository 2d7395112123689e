// SPDX-License-Identifier: Apache-2.0
// The zero-skipping MAC array: Rows physical rows of Lanes MACs, and all else in sj_array_control. docs/timing.md is its specification, sim/systemc/sj_array.hpp
// the protocol of its ports. All outputs are functions of registers alone. Nothing but wires stands here: rtl/glue/sj_row_array.hpp puts the same parts together in C++,
// so that one row is made into a simulator and used Rows times.
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
  output logic [63:0]        count_change_o [Rows],
  output logic [63:0]        count_issue_o [Rows],
  output logic [63:0]        count_acc_read_o [Rows],
  output logic [63:0]        count_acc_write_o [Rows],
  output logic [63:0]        count_a_write_o [Rows],
  output logic [63:0]        count_b_write_o [Rows],
  output logic [63:0]        count_scan_o [Rows],
  output logic [63:0]        busy_work_o
);

  // ---- Between control and rows.
  logic [Rows-1:0]               row_mask_we, row_a_we, row_fill, row_drain, row_step_end, row_infinite;
  logic [Slots-1:0][OffsetW-1:0] mask_base;
  logic [Lanes-1:0]              b_nonzero;
  logic [SlotW-1:0]              fill_slot, drain_slot;
  logic [1:0]                    committed, may_start;
  logic [Rows-1:0]               takes_part [2];
  logic [BankW-1:0]              bank [2];
  logic [BankW-1:0]              drain_bank;
  logic                          drain_end;
  logic [1:0]                    row_step [Rows];
  logic [WorkW-1:0]              row_work [Rows];
  logic [Lanes-1:0][31:0]        row_drain_sum [Rows];
  logic [Lanes-1:0][31:0]        drain_sum;

  // A row that is not read gives zeros.
  always_comb begin
    drain_sum = '0;
    for (int unsigned r = 0; r < Rows; r++) drain_sum = drain_sum | row_drain_sum[r];
  end

  sj_array_control #(
    .Rows       (Rows),
    .Lanes      (Lanes),
    .Slots      (Slots),
    .KTile      (KTile),
    .AccBanks   (AccBanks),
    .Dtype      (Dtype),
    .MutateDrain(MutateDrain),
    .MutateBLoad(MutateBLoad)
  ) u_control (
    .clk_i,
    .rst_ni,
    .mask_we_i,
    .mask_row_i,
    .mask_i,
    .a_we_i,
    .a_row_i,
    .b_we_i,
    .b_data_i,
    .fill_we_i,
    .fill_last_i,
    .fill_index_i,
    .row_mask_we_o (row_mask_we),
    .mask_base_o   (mask_base),
    .row_a_we_o    (row_a_we),
    .b_nonzero_o   (b_nonzero),
    .row_fill_o    (row_fill),
    .fill_slot_o   (fill_slot),
    .commit_i,
    .visit_first_i,
    .visit_last_i,
    .filled_i,
    .rows_valid_i,
    .committed_o   (committed),
    .may_start_o   (may_start),
    .takes_part_o  (takes_part),
    .bank_o        (bank),
    .row_step_i    (row_step),
    .row_step_end_i(row_step_end),
    .row_work_i    (row_work),
    .row_infinite_i(row_infinite),
    .drain_start_i,
    .drain_rows_i,
    .drain_beats_i,
    .row_drain_o   (row_drain),
    .drain_slot_o  (drain_slot),
    .drain_bank_o  (drain_bank),
    .drain_end_o   (drain_end),
    .drain_sum_i   (drain_sum),
    .steps_done_o,
    .visits_done_o,
    .drains_done_o,
    .drain_valid_o,
    .drain_index_o,
    .drain_sum_o,
    .overflow_o,
    .busy_work_o
  );

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
      .mask_we_i        (row_mask_we[r]),
      .mask_buffer_i,
      .mask_i,
      .mask_base_i      (mask_base),
      .flag_we_i,
      .flag_buffer_i,
      .flag_i,
      .a_we_i           (row_a_we[r]),
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
      .fill_i           (row_fill[r]),
      .fill_bank_i,
      .fill_slot_i      (fill_slot),
      .fill_sum_i,
      .drain_i          (row_drain[r]),
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
      .count_change_o   (count_change_o[r]),
      .count_issue_o    (count_issue_o[r]),
      .count_acc_read_o (count_acc_read_o[r]),
      .count_acc_write_o(count_acc_write_o[r]),
      .count_a_write_o  (count_a_write_o[r]),
      .count_b_write_o  (count_b_write_o[r]),
      .count_scan_o     (count_scan_o[r])
    );
  end

endmodule
