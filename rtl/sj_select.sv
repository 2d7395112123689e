// SPDX-License-Identifier: Apache-2.0
// Chooses what a physical row issues: slot after slot, in a slot the k with a mask bit and some nonzero B, ascending. One issue a cycle;
// slots without work cost nothing, a step without any work costs one cycle.
module sj_select #(
  parameter  int unsigned Slots   = 8,
  parameter  int unsigned KTile   = 64,
  /// Nonzero: one idle cycle after each change of slot (mutation test only).
  parameter  int unsigned MutateFindFirst = 0,
  localparam int unsigned SlotW   = (Slots > 1) ? $clog2(Slots) : 1,
  localparam int unsigned KW      = (KTile > 1) ? $clog2(KTile) : 1,
  localparam int unsigned OffsetW = $clog2(Slots * KTile + 1)
) (
  input  logic               clk_i,
  input  logic               rst_ni,
  /// The row works on a step in this cycle. Masks and flags stay unchanged until step_end_o.
  input  logic               active_i,
  /// Slots with work in this step; the mask of slot_o, and the place of its first value in the flat pad.
  input  logic [Slots-1:0]   has_work_i,
  input  logic [KTile-1:0]   mask_i,
  input  logic [OffsetW-1:0] base_i,
  /// k with some nonzero B.
  input  logic [KTile-1:0]   any_b_i,
  /// Something is issued in this cycle: value number rank_o of the flat pad times the vector of k_o, for slot_o.
  output logic               issue_o,
  output logic [SlotW-1:0]   slot_o,
  output logic [KW-1:0]      k_o,
  output logic [OffsetW-1:0] rank_o,
  /// First, last issue of this slot in the step.
  output logic               first_o,
  output logic               last_o,
  /// Last cycle of the step.
  output logic               step_end_o
);

  localparam int unsigned CountW = $clog2(KTile + 1);

  logic [Slots-1:0] slots_done_d, slots_done_q;
  logic [KTile-1:0] k_done_d, k_done_q;
  logic             bubble_d, bubble_q;

  logic [Slots-1:0] slots_left, slot_onehot, slot_below;
  logic [KTile-1:0] k_left, k_onehot, k_below;
  logic [CountW-1:0] rank;
  logic             slot_found, last_slot, unused_k_found;

  assign slots_left = has_work_i & ~slots_done_q;

  sj_find_first #(
    .Width(Slots)
  ) u_find_slot (
    .in_i    (slots_left),
    .found_o (slot_found),
    .onehot_o(slot_onehot),
    .below_o (slot_below),
    .index_o (slot_o)
  );

  assign k_left = mask_i & any_b_i & ~k_done_q;

  sj_find_first #(
    .Width(KTile)
  ) u_find_k (
    .in_i    (k_left),
    .found_o (unused_k_found),
    .onehot_o(k_onehot),
    .below_o (k_below),
    .index_o (k_o)
  );

  // Values whose B vector is all zero are in the pad, too: the rank counts every mask bit.
  assign rank       = CountW'($countones(mask_i & k_below));
  assign rank_o     = base_i + OffsetW'(rank);
  assign issue_o    = active_i & slot_found & ~bubble_q;
  assign first_o    = k_done_q == '0;
  assign last_o     = (k_left & ~k_onehot) == '0;
  assign last_slot  = (slots_left & ~slot_onehot) == '0;
  assign step_end_o = active_i & ~bubble_q & (~slot_found | (last_o & last_slot));
  assign bubble_d   = (MutateFindFirst != 0) & issue_o & last_o & ~last_slot;

  always_comb begin
    slots_done_d = slots_done_q;
    k_done_d     = k_done_q;
    if (step_end_o) begin
      slots_done_d = '0;
      k_done_d     = '0;
    end else if (issue_o) begin
      slots_done_d = last_o ? (slot_below | slot_onehot) : slots_done_q;
      k_done_d     = last_o ? '0 : (k_below | k_onehot);
    end
  end

  always_ff @(posedge clk_i or negedge rst_ni) begin
    if (!rst_ni) begin
      slots_done_q <= '0;
      k_done_q     <= '0;
      bubble_q     <= 1'b0;
    end else begin
      slots_done_q <= slots_done_d;
      k_done_q     <= k_done_d;
      bubble_q     <= bubble_d;
    end
  end

`ifndef SYNTHESIS
  always_ff @(posedge clk_i or negedge rst_ni) begin
    if (rst_ni) begin
      assert (!issue_o || (mask_i[k_o] && any_b_i[k_o])) else $error("A slot counts as having work without a mask bit at a nonzero B.");
    end
  end
`endif

endmodule
