// SPDX-License-Identifier: Apache-2.0
// A physical row: masks, pads, selection, lanes and accumulators. It works through the committed steps on its own.
// An issue in cycle c is selected in c, multiplied in c+1 and added in c+2 (docs/timing.md section 2).
module sj_row #(
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
  /// Nonzero: one idle cycle after each change of slot (mutation test only).
  parameter  int unsigned MutateFindFirst = 0,
  localparam int unsigned SlotW    = (Slots > 1) ? $clog2(Slots) : 1,
  localparam int unsigned BankW    = (AccBanks > 1) ? $clog2(AccBanks) : 1,
  localparam int unsigned KW       = (KTile > 1) ? $clog2(KTile) : 1,
  localparam int unsigned OffsetW  = $clog2(Slots * KTile + 1),
  localparam int unsigned WorkW    = $clog2(2 * Slots * KTile + 1),
  localparam int unsigned ACountW  = $clog2(ABeat + 1)
) (
  input  logic               clk_i,
  input  logic               rst_ni,
  /// Lanes with a zero operand hold still (and count as gated). Constant from reset on; without effect where Skip, which always gates.
  input  logic               gate_i,

  /// Masks of a step (buffer = step mod 4), with each slot's first place in the flat pad.
  input  logic               mask_we_i,
  input  logic [1:0]         mask_buffer_i,
  input  logic [Slots-1:0][KTile-1:0]   mask_i,
  input  logic [Slots-1:0][OffsetW-1:0] mask_base_i,
  /// any_b of a step, for all rows (buffer = step mod 4).
  input  logic               flag_we_i,
  input  logic [1:0]         flag_buffer_i,
  input  logic [KTile-1:0]   flag_i,

  /// Packed A values (buffer = step mod 2).
  input  logic               a_we_i,
  input  logic               a_buffer_i,
  input  logic [OffsetW-1:0] a_offset_i,
  input  logic [ACountW-1:0] a_count_i,
  input  logic [ABeat-1:0][15:0]        a_data_i,
  input  logic [ABeat-1:0]   a_in_range_i,

  /// Lanes of a B vector (buffer = step mod 2).
  input  logic               b_we_i,
  input  logic               b_buffer_i,
  input  logic [KW-1:0]      b_k_i,
  input  logic [Lanes-1:0]   b_lane_en_i,
  input  logic [Lanes-1:0][15:0]        b_data_i,
  input  logic [Lanes-1:0]   b_in_range_i,
  input  logic [Lanes-1:0]   b_nonzero_i,

  /// Steps committed so far, mod 4; of the steps in flight, by step mod 2: may this row begin, does it take part, the bank of its sums.
  input  logic [1:0]         committed_i,
  input  logic [1:0]         may_start_i,
  input  logic [1:0]         takes_part_i,
  input  logic [BankW-1:0]   bank_i [2],
  /// Steps this row has ended or passed by, mod 4.
  output logic [1:0]         step_o,
  /// Last cycle of a step in which the row takes part, and the cycles the step took.
  output logic               step_end_o,
  output logic [WorkW-1:0]   work_o,

  /// Partial sums for a slot of this row.
  input  logic               fill_i,
  input  logic [BankW-1:0]   fill_bank_i,
  input  logic [SlotW-1:0]   fill_slot_i,
  input  logic [Lanes-1:0][31:0]        fill_sum_i,
  /// Sums of a slot of this row, in the same cycle.
  input  logic               drain_i,
  input  logic [BankW-1:0]   drain_bank_i,
  input  logic [SlotW-1:0]   drain_slot_i,
  output logic [Lanes-1:0][31:0]        drain_sum_o,
  /// The drain of a bank ends with this cycle.
  input  logic               clear_i,
  input  logic [BankW-1:0]   clear_bank_i,

  /// A sum of this row is infinite or not a number in this cycle.
  output logic               infinite_o,

  /// Counters since reset, as docs/timing.md section 9 defines them.
  output logic [63:0]        count_active_o,
  output logic [63:0]        count_zero_o,
  output logic [63:0]        count_gated_o,
  output logic [63:0]        count_idle_o,
  output logic [63:0]        count_change_o,
  output logic [63:0]        count_issue_o,
  output logic [63:0]        count_acc_read_o,
  output logic [63:0]        count_acc_write_o,
  output logic [63:0]        count_a_write_o,
  output logic [63:0]        count_b_write_o,
  output logic [63:0]        count_scan_o
);

  // A value is nonzero where one of these bits is set: the exponent of a bf16, all of an int8.
  localparam logic [15:0] NonzeroBits = (Dtype == 0) ? 16'h7f80 : 16'h00ff;

  // ---- Cycle c: which step, which pair.
  logic [1:0]         step_d, step_q;
  logic [WorkW-1:0]   work_d, work_q;
  logic               available, active, pass;
  logic               issue, first, last;
  logic [SlotW-1:0]   slot;
  logic [KW-1:0]      k;
  logic [OffsetW-1:0] rank;
  logic [Slots-1:0]   has_work;
  logic [KTile-1:0]   slot_mask, any_b;
  logic [OffsetW-1:0] slot_base;

  assign available = step_q != committed_i;
  assign active    = available & takes_part_i[step_q[0]] & may_start_i[step_q[0]];
  assign pass      = available & ~takes_part_i[step_q[0]];
  assign step_d    = step_q + {1'b0, step_end_o | pass};
  assign work_o    = work_q + WorkW'(1);
  assign work_d    = step_end_o ? '0 : (active ? work_o : work_q);
  assign step_o    = step_q;

  sj_mask_store #(
    .Slots(Slots),
    .KTile(KTile)
  ) u_mask_store (
    .clk_i,
    .rst_ni,
    .we_i         (mask_we_i),
    .buffer_i     (mask_buffer_i),
    .mask_i,
    .base_i       (mask_base_i),
    .flag_we_i,
    .flag_buffer_i,
    .flag_i,
    .read_buffer_i(step_q),
    .clear_i      (step_end_o | pass),
    .any_b_o      (any_b),
    .has_work_o   (has_work),
    .slot_i       (slot),
    .mask_o       (slot_mask),
    .base_o       (slot_base)
  );

  sj_select #(
    .Slots          (Slots),
    .KTile          (KTile),
    .MutateFindFirst(MutateFindFirst)
  ) u_select (
    .clk_i,
    .rst_ni,
    .active_i  (active),
    .has_work_i(has_work),
    .mask_i    (slot_mask),
    .base_i    (slot_base),
    .any_b_i   (any_b),
    .issue_o   (issue),
    .slot_o    (slot),
    .k_o       (k),
    .rank_o    (rank),
    .first_o   (first),
    .last_o    (last),
    .step_end_o(step_end_o)
  );

  // ---- Cycle c+1: operands, product.
  logic             multiply_q, multiply_first_q, multiply_last_q;
  logic [SlotW-1:0] multiply_slot_q;
  logic [BankW-1:0] multiply_bank_q;
  logic [15:0]      a;
  logic             a_in_range, a_nonzero, gate, gate_q;
  logic [Lanes-1:0][15:0]      b;
  logic [Lanes-1:0] b_in_range, b_nonzero, in_range, both_nonzero, enable;

  sj_a_pad #(
    .Depth(Slots * KTile),
    .Beat (ABeat)
  ) u_a_pad (
    .clk_i,
    .we_i         (a_we_i),
    .buffer_i     (a_buffer_i),
    .offset_i     (a_offset_i),
    .count_i      (a_count_i),
    .data_i       (a_data_i),
    .in_range_i   (a_in_range_i),
    .re_i         (issue),
    .read_buffer_i(step_q[0]),
    .read_offset_i(rank),
    .value_o      (a),
    .in_range_o   (a_in_range)
  );

  sj_b_pad #(
    .Lanes(Lanes),
    .KTile(KTile)
  ) u_b_pad (
    .clk_i,
    .we_i         (b_we_i),
    .buffer_i     (b_buffer_i),
    .k_i          (b_k_i),
    .lane_en_i    (b_lane_en_i),
    .data_i       (b_data_i),
    .in_range_i   (b_in_range_i),
    .nonzero_i    (b_nonzero_i),
    .re_i         (issue),
    .read_buffer_i(step_q[0]),
    .read_k_i     (k),
    .data_o       (b),
    .in_range_o   (b_in_range),
    .nonzero_o    (b_nonzero)
  );

  assign a_nonzero    = |(a & NonzeroBits);
  assign in_range     = b_in_range & {Lanes{a_in_range}};
  assign both_nonzero = in_range & b_nonzero & {Lanes{a_nonzero}};
  assign gate         = gate_q || Skip != 0;
  assign enable       = gate ? both_nonzero : in_range;

  // ---- Cycle c+2: sum.
  logic             add_q, add_first_q, add_last_q, slot_valid;
  logic [SlotW-1:0] add_slot_q;
  logic [BankW-1:0] add_bank_q;
  logic [Lanes-1:0][31:0]      loaded;
  logic [Lanes-1:0][31:0]      addend;
  logic [Lanes-1:0][31:0]      sum;
  logic [Lanes-1:0][31:0]      working_q;
  logic             drain_valid;

  always_comb begin
    addend = working_q;
    if (add_first_q) addend = loaded;
  end

  if (Dtype == 0) begin : gen_bf16
    sj_mac_bf16 #(
      .Lanes(Lanes)
    ) u_mac (
      .clk_i,
      .multiply_i(multiply_q),
      .a_i       (a),
      .b_i       (b),
      .enable_i  (enable),
      .add_i     (add_q),
      .addend_i  (addend),
      .sum_o     (sum),
      .infinite_o(infinite_o)
    );
  end else begin : gen_int8
    sj_mac_int8 #(
      .Lanes(Lanes)
    ) u_mac (
      .clk_i,
      .multiply_i(multiply_q),
      .a_i       (a[7:0]),
      .b_i       (b),
      .enable_i  (enable),
      .add_i     (add_q),
      .addend_i  (addend),
      .sum_o     (sum)
    );
    assign infinite_o = 1'b0;
  end

  sj_accumulators #(
    .Lanes   (Lanes),
    .Slots   (Slots),
    .AccBanks(AccBanks)
  ) u_accumulators (
    .clk_i,
    .rst_ni,
    .bank_i       (add_bank_q),
    .slot_i       (add_slot_q),
    .load_i       (add_q & add_first_q),
    .sum_o        (loaded),
    .valid_o      (slot_valid),
    .we_i         (add_q & add_last_q),
    .sum_i        (sum),
    .fill_i,
    .fill_bank_i,
    .fill_slot_i,
    .fill_sum_i,
    .drain_i,
    .drain_bank_i,
    .drain_slot_i,
    .drain_sum_o,
    .drain_valid_o(drain_valid),
    .clear_i,
    .clear_bank_i
  );

  // ---- Counters.
  localparam int unsigned LanesW = $clog2(Lanes + 1);
  logic [LanesW-1:0] ones_active, ones_in_range, ones_changed;
  logic [Lanes-1:0]  was_active_q;  // at the lane's issue before, however long ago
  logic [63:0]       lanes_active, lanes_zero;
  assign ones_active   = LanesW'($countones(both_nonzero));
  assign ones_in_range = LanesW'($countones(in_range));
  assign ones_changed  = LanesW'($countones(both_nonzero ^ was_active_q));
  assign lanes_active  = 64'(ones_active);
  assign lanes_zero    = 64'(ones_in_range) - lanes_active;

  always_ff @(posedge clk_i or negedge rst_ni) begin
    if (!rst_ni) begin
      count_active_o    <= '0;
      count_zero_o      <= '0;
      count_gated_o     <= '0;
      count_idle_o      <= '0;
      count_change_o    <= '0;
      count_issue_o     <= '0;
      count_acc_read_o  <= '0;
      count_acc_write_o <= '0;
      count_a_write_o   <= '0;
      count_b_write_o   <= '0;
      count_scan_o      <= '0;
      was_active_q      <= '0;
    end else begin
      if (multiply_q) begin
        count_active_o <= count_active_o + lanes_active;
        count_zero_o   <= count_zero_o + (gate ? 64'd0 : lanes_zero);
        count_gated_o  <= count_gated_o + (gate ? lanes_zero : 64'd0);
        count_idle_o   <= count_idle_o + 64'(Lanes) - lanes_active - lanes_zero;
        count_change_o <= count_change_o + 64'(ones_changed);
        count_issue_o  <= count_issue_o + 64'd1;
        was_active_q   <= both_nonzero;
      end
      count_acc_read_o  <= count_acc_read_o + {63'b0, add_q & add_first_q & slot_valid} + {63'b0, drain_i & drain_valid};
      count_acc_write_o <= count_acc_write_o + {63'b0, add_q & add_last_q} + 64'(fill_i);
      count_a_write_o   <= count_a_write_o + (a_we_i ? 64'(a_count_i) : 64'd0);
      count_b_write_o   <= count_b_write_o + {63'b0, b_we_i & b_lane_en_i[0]};
      count_scan_o      <= count_scan_o + ((Skip != 0) ? 64'(active) : 64'd0);
    end
  end

  always_ff @(posedge clk_i or negedge rst_ni) begin
    if (!rst_ni) begin
      step_q     <= '0;
      work_q     <= '0;
      multiply_q <= 1'b0;
      add_q      <= 1'b0;
    end else begin
      step_q     <= step_d;
      work_q     <= work_d;
      multiply_q <= issue;
      add_q      <= multiply_q;
    end
  end

  always_ff @(posedge clk_i) begin
    gate_q           <= gate_i;
    multiply_first_q <= first;
    multiply_last_q  <= last;
    multiply_slot_q  <= slot;
    multiply_bank_q  <= bank_i[step_q[0]];
    add_first_q      <= multiply_first_q;
    add_last_q       <= multiply_last_q;
    add_slot_q       <= multiply_slot_q;
    add_bank_q       <= multiply_bank_q;
    if (add_q) working_q <= sum;
  end

endmodule
