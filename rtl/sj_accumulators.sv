// SPDX-License-Identifier: Apache-2.0
// The accumulators of a physical row: AccBanks x Slots vectors of sums with a valid bit each. A slot that is not valid reads +0.
module sj_accumulators #(
  parameter  int unsigned Lanes    = 16,
  parameter  int unsigned Slots    = 8,
  parameter  int unsigned AccBanks = 2,
  localparam int unsigned SlotW    = (Slots > 1) ? $clog2(Slots) : 1,
  localparam int unsigned BankW    = (AccBanks > 1) ? $clog2(AccBanks) : 1
) (
  input  logic             clk_i,
  input  logic             rst_ni,
  /// The adder's slot. load_i: its sums are needed in this cycle. we_i: sum_i is stored and the slot is valid from the next cycle on.
  input  logic [BankW-1:0] bank_i,
  input  logic [SlotW-1:0] slot_i,
  input  logic             load_i,
  output logic [Lanes-1:0][31:0] sum_o,
  output logic             valid_o,
  input  logic             we_i,
  input  logic [Lanes-1:0][31:0] sum_i,
  /// Partial sums that come back: stored, and the slot is valid from the next cycle on.
  input  logic             fill_i,
  input  logic [BankW-1:0] fill_bank_i,
  input  logic [SlotW-1:0] fill_slot_i,
  input  logic [Lanes-1:0][31:0] fill_sum_i,
  /// Sums that leave, read in this cycle.
  input  logic             drain_i,
  input  logic [BankW-1:0] drain_bank_i,
  input  logic [SlotW-1:0] drain_slot_i,
  output logic [Lanes-1:0][31:0] drain_sum_o,
  output logic             drain_valid_o,
  /// From the next cycle on no slot of this bank is valid.
  input  logic             clear_i,
  input  logic [BankW-1:0] clear_bank_i
);

  localparam int unsigned Depth = AccBanks * Slots;
  localparam int unsigned AddrW = (Depth > 1) ? $clog2(Depth) : 1;

  logic [Lanes-1:0][31:0] acc_q [Depth];
  logic [Depth-1:0] valid_d, valid_q;
  logic [AddrW-1:0] addr, fill_addr, drain_addr;

  function automatic logic [AddrW-1:0] address(input logic [BankW-1:0] in_bank, input logic [SlotW-1:0] in_slot);
    return AddrW'(32'(in_bank) * Slots + 32'(in_slot));
  endfunction

  assign addr       = address(bank_i, slot_i);
  assign fill_addr  = address(fill_bank_i, fill_slot_i);
  assign drain_addr = address(drain_bank_i, drain_slot_i);

  assign valid_o       = valid_q[addr];
  assign drain_valid_o = valid_q[drain_addr];

  always_comb begin
    sum_o = '0;
    if (load_i & valid_o) sum_o = acc_q[addr];
  end

  always_comb begin
    drain_sum_o = '0;
    if (drain_i & drain_valid_o) drain_sum_o = acc_q[drain_addr];
  end

  always_comb begin
    valid_d = valid_q;
    if (we_i) valid_d[addr] = 1'b1;
    if (fill_i) valid_d[fill_addr] = 1'b1;
    if (clear_i) begin
      valid_d = valid_d & ~(Depth'({Slots{1'b1}}) << (32'(clear_bank_i) * Slots));
    end
  end

  always_ff @(posedge clk_i) begin
    if (we_i) acc_q[addr] <= sum_i;
    if (fill_i) acc_q[fill_addr] <= fill_sum_i;
  end

  always_ff @(posedge clk_i or negedge rst_ni) begin
    if (!rst_ni) begin
      valid_q <= '0;
    end else begin
      valid_q <= valid_d;
    end
  end

`ifndef SYNTHESIS
  always_ff @(posedge clk_i) begin
    assert (!fill_i || !valid_q[fill_addr]) else $error("A slot is filled that still holds sums.");
    assert (!(we_i && clear_i && bank_i == clear_bank_i)) else $error("A bank is cleared while the adder still writes to it.");
  end
`endif

endmodule
