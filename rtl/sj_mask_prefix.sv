// SPDX-License-Identifier: Apache-2.0
// Where each slot's values begin in a row's flat pad: the number of mask bits of the slots before it.
module sj_mask_prefix #(
  parameter  int unsigned Slots   = 8,
  parameter  int unsigned KTile   = 64,
  localparam int unsigned OffsetW = $clog2(Slots * KTile + 1)
) (
  /// 0: nothing is asked for, base_o is 0.
  input  logic                          enable_i,
  /// The masks of a row, one a slot. Example for KTile = 4, slots 0, 1, 2: 1011, 0001, 1111.
  input  logic [Slots-1:0][KTile-1:0]   mask_i,
  /// First value of each slot. Example: 0, 3, 4.
  output logic [Slots-1:0][OffsetW-1:0] base_o
);

  localparam int unsigned CountW = $clog2(KTile + 1);

  logic [OffsetW-1:0] total;
  logic [CountW-1:0]  ones;

  always_comb begin
    total  = '0;
    ones   = '0;
    base_o = '0;
    if (enable_i) begin
      for (int unsigned s = 0; s < Slots; s++) begin
        ones      = CountW'($countones(mask_i[s]));  // cast to its own width first: $countones is signed
        base_o[s] = total;
        total     = total + OffsetW'(ones);
      end
    end
  end

endmodule
