// SPDX-License-Identifier: Apache-2.0
// Keeps the order of steps and visits: at most two committed steps are in flight. Tells the rows which of them may begin, and the system how far they are.
module sj_step_control #(
  parameter  int unsigned Rows     = 16,
  parameter  int unsigned Slots    = 8,
  parameter  int unsigned AccBanks = 2,
  parameter  int unsigned WorkW    = 11,
  localparam int unsigned RowsW    = $clog2(Rows * Slots + 1),
  localparam int unsigned BankW    = (AccBanks > 1) ? $clog2(AccBanks) : 1
) (
  input  logic             clk_i,
  input  logic             rst_ni,
  /// A step is loaded: rows may work on it from the next cycle on. Its first, last step of a visit; the visit waits for a fill; A rows of its tile.
  input  logic             commit_i,
  input  logic             visit_first_i,
  input  logic             visit_last_i,
  input  logic             filled_i,
  input  logic [RowsW-1:0] rows_valid_i,
  /// Drains and fills that have ended.
  input  logic [63:0]      drains_done_i,
  input  logic [63:0]      fills_done_i,
  /// From the rows: steps ended or passed by (mod 4), and in the last cycle of a step that the row takes part in the step's work.
  input  logic [1:0]       row_step_i [Rows],
  input  logic [Rows-1:0]  row_step_end_i,
  input  logic [WorkW-1:0] row_work_i [Rows],
  /// To the rows: steps committed (mod 4); of the steps in flight, by step mod 2.
  output logic [1:0]       committed_o,
  output logic [1:0]       may_start_o,
  output logic [Rows-1:0]  takes_part_o [2],
  output logic [BankW-1:0] bank_o [2],
  /// Steps that all rows have ended; visits whose sums can be drained.
  output logic [63:0]      steps_done_o,
  output logic [63:0]      visits_done_o,
  /// Sum over ended steps of the longest row's work.
  output logic [63:0]      busy_work_o
);

  // ---- Descriptors of the steps in flight, by step mod 2.
  logic [Rows-1:0]  takes_part_q [2];
  logic [BankW-1:0] bank_q [2];
  logic [63:0]      visit_q [2];
  logic [63:0]      fill_q [2];
  logic [1:0]       visit_first_q, visit_last_q, filled_q;
  logic [63:0]      committed_d, committed_q;
  // Of the last committed step: its visit, that visit's bank; filled visits so far.
  logic [63:0]      visits_d, visits_q, fills_d, fills_q;
  logic [BankW-1:0] last_bank_d, last_bank_q;
  logic             step_parity;
  logic [Rows-1:0]  takes_part_d;

  assign step_parity = committed_q[0];
  assign committed_d = committed_q + 64'(commit_i);
  assign visits_d    = visits_q + {63'b0, commit_i & visit_first_i};
  assign fills_d     = fills_q + {63'b0, commit_i & visit_first_i & filled_i};

  always_comb begin
    last_bank_d = last_bank_q;
    if (commit_i && visit_first_i && visits_q != 0) begin
      last_bank_d = (32'(last_bank_q) == AccBanks - 1) ? '0 : last_bank_q + BankW'(1);
    end
    for (int unsigned r = 0; r < Rows; r++) begin
      takes_part_d[r] = r < 32'(rows_valid_i);
    end
  end

  // visits_q and fills_q count from 1: visit t is stored as t + 1. Its bank is free when drain t - AccBanks has ended.
  for (genvar p = 0; p < 2; p++) begin : gen_may_start
    assign may_start_o[p] = ~visit_first_q[p] | ((visit_q[p] <= drains_done_i + 64'(AccBanks)) & (~filled_q[p] | fills_done_i >= fill_q[p]));
  end

  always_ff @(posedge clk_i) begin
    if (commit_i) begin
      takes_part_q[step_parity]  <= takes_part_d;
      bank_q[step_parity]        <= last_bank_d;
      visit_q[step_parity]       <= visits_d;
      fill_q[step_parity]        <= fills_d;
      visit_first_q[step_parity] <= visit_first_i;
      visit_last_q[step_parity]  <= visit_last_i;
      filled_q[step_parity]      <= filled_i;
    end
  end

  // ---- Ends of steps. A row that takes no part in the oldest step may lag behind it by one (ahead = 3), never run ahead of it.
  logic [63:0]      steps_done_d, steps_done_q;
  logic             parity, end_one, end_two;
  logic [Rows-1:0]  ended_one, ended_two;
  logic [WorkW-1:0] longest_d [2];
  logic [WorkW-1:0] longest_q [2];
  logic [63:0]      busy_work_d, busy_work_q;

  assign parity = steps_done_q[0];

  always_comb begin
    logic [1:0] ahead;
    for (int unsigned r = 0; r < Rows; r++) begin
      ahead        = row_step_i[r] - steps_done_q[1:0] + 2'(row_step_end_i[r]);
      ended_one[r] = ahead == 2'd1 || ahead == 2'd2;
      ended_two[r] = ahead == 2'd2;
    end
  end

  assign end_one      = (&(ended_one | ~takes_part_q[parity])) & (committed_q > steps_done_q);
  assign end_two      = (&(ended_two | ~takes_part_q[~parity])) & (committed_q > steps_done_q + 64'd1) & end_one;
  assign steps_done_d = steps_done_q + 64'(end_one) + 64'(end_two);

  always_comb begin
    longest_d = longest_q;
    if (|row_step_end_i) begin
      for (int unsigned r = 0; r < Rows; r++) begin
        if (row_step_end_i[r] && row_work_i[r] > longest_d[row_step_i[r][0]]) longest_d[row_step_i[r][0]] = row_work_i[r];
      end
    end
    busy_work_d = busy_work_q;
    if (end_one) begin
      busy_work_d       = busy_work_d + 64'(longest_d[parity]);
      longest_d[parity] = '0;
    end
    if (end_two) begin
      busy_work_d        = busy_work_d + 64'(longest_d[~parity]);
      longest_d[~parity] = '0;
    end
  end

  // ---- Visits: ended, then two cycles through the pipeline.
  logic [63:0] visits_ended_d, visits_ended_q, visits_added_q, visits_done_q;
  assign visits_ended_d = visits_ended_q + {63'b0, end_one & visit_last_q[parity]} + {63'b0, end_two & visit_last_q[~parity]};

  always_ff @(posedge clk_i or negedge rst_ni) begin
    if (!rst_ni) begin
      committed_q    <= '0;
      visits_q       <= '0;
      fills_q        <= '0;
      last_bank_q    <= '0;
      steps_done_q   <= '0;
      longest_q      <= '{default: '0};
      busy_work_q    <= '0;
      visits_ended_q <= '0;
      visits_added_q <= '0;
      visits_done_q  <= '0;
    end else begin
      committed_q    <= committed_d;
      visits_q       <= visits_d;
      fills_q        <= fills_d;
      last_bank_q    <= last_bank_d;
      steps_done_q   <= steps_done_d;
      longest_q      <= longest_d;
      busy_work_q    <= busy_work_d;
      visits_ended_q <= visits_ended_d;
      visits_added_q <= visits_ended_q;
      visits_done_q  <= visits_added_q;
    end
  end

  assign committed_o   = committed_q[1:0];
  assign takes_part_o  = takes_part_q;
  assign bank_o        = bank_q;
  assign steps_done_o  = steps_done_q;
  assign visits_done_o = visits_done_q;
  assign busy_work_o   = busy_work_q;

`ifndef SYNTHESIS
  always_ff @(posedge clk_i or negedge rst_ni) begin
    if (rst_ni) begin
      assert (!commit_i || committed_q - steps_done_q < 64'd2) else $error("A step is committed while two steps are in flight.");
      assert (!commit_i || rows_valid_i != 0) else $error("A step without A rows is committed.");
    end
  end
`endif

endmodule
