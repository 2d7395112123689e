// SPDX-License-Identifier: Apache-2.0
// Finds the lowest set bit.
module sj_find_first #(
  parameter  int unsigned Width  = 64,
  localparam int unsigned IndexW = (Width > 1) ? $clog2(Width) : 1
) (
  /// Candidates. Example for Width = 8: 0110_1000.
  input  logic [Width-1:0]  in_i,
  /// Some bit is set. Example: 1.
  output logic              found_o,
  /// The lowest set bit alone, 0 if none. Example: 0000_1000.
  output logic [Width-1:0]  onehot_o,
  /// All bits below it, all ones if none. Example: 0000_0111.
  output logic [Width-1:0]  below_o,
  /// Its number, 0 if none. Example: 3.
  output logic [IndexW-1:0] index_o
);

  typedef logic [Width-1:0] word_t;

  // Bits whose number has bit `b` set.
  function automatic word_t numbers_with(input int unsigned index_bit);
    word_t word;
    for (int unsigned i = 0; i < Width; i++) word[i] = ((i >> index_bit) & 1) != 0;
    return word;
  endfunction

  assign found_o  = |in_i;
  assign below_o  = ~in_i & (in_i - word_t'(1));
  assign onehot_o = in_i & ~(in_i - word_t'(1));

  for (genvar b = 0; b < IndexW; b++) begin : gen_index
    localparam word_t Pattern = numbers_with(b);
    assign index_o[b] = |(onehot_o & Pattern);
  end

endmodule
