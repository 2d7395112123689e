// SPDX-License-Identifier: Apache-2.0
// What tools/calibrate/plain_verilog.py translates, a few constructs a module: test_plain_verilog.py compares each case_* with its translation. All have the same ports; in_i is random.
package case_pkg;
  localparam logic [7:0] Bias = 8'h31;

  typedef enum logic [1:0] { Idle, Load, Run, Done } state_t;

  function automatic logic [7:0] rotate(input logic [7:0] value, input logic [2:0] by);
    logic [15:0] twice;
    twice = {value, value} << by;
    return twice[15:8];
  endfunction

  // A call within a call, and a loop.
  function automatic logic [7:0] mix(input logic [7:0] a, input logic [7:0] b);
    logic [7:0] value;
    value = a ^ Bias;
    for (int unsigned i = 0; i < 3; i++) value = rotate(value, 3'(i + 1)) + (b >> i);
    return value;
  endfunction

  // Results by argument: written alone, and read before.
  function automatic void add_and_count(input logic [7:0] a, inout logic [7:0] sum, output logic carry);
    logic [8:0] wide;
    wide  = {1'b0, a} + {1'b0, sum};
    sum   = wide[7:0];
    carry = wide[8];
  endfunction

  function automatic void of_array(input logic [3:0][7:0] in, output logic [3:0][7:0] out);
    logic [7:0] word [4];
    for (int unsigned i = 0; i < 4; i++) word[i] = in[3-i] + 8'(i);
    for (int unsigned i = 0; i < 4; i++) out[i] = word[i];
  endfunction
endpackage

module case_operators (input logic clk_i, input logic rst_ni, input logic [63:0] in_i, output logic [63:0] out_o);
  logic [7:0] a, b;
  logic [2:0] s;
  assign a = in_i[7:0];
  assign b = in_i[15:8];
  assign s = in_i[18:16];
  assign out_o[7:0]   = (a & b) | (a ^ 8'h5a);
  assign out_o[15:8]  = in_i[19] ? a + b : a - b;
  assign out_o[23:16] = a * b;
  assign out_o[31:24] = (a << s) | (b >> s);
  assign out_o[39:32] = {a == b, a != b, a < b, a <= b, a > b, a >= b, (a != 0) && (b[3:0] != 0), (a[3:0] == 0) || (b == 0)};
  assign out_o[47:40] = {&a[1:0], |b[1:0], ^a, !in_i[20], ~a[0], 3'(-b)};
  assign out_o[55:48] = {{2{a[2]}}, {3{b[1:0]}}};
  assign out_o[63:56] = 8'($countones(in_i[40:8])) + 8'($countones(in_i[63:63])) + {7'b0, in_i[7:4] == in_i[3:0]};
endmodule

// Up, down, nested, with a hidden name; all that is folded while a loop is unrolled.
module case_loops (input logic clk_i, input logic rst_ni, input logic [63:0] in_i, output logic [63:0] out_o);
  localparam int unsigned Count = 6;
  logic [7:0] up, down, nested, picked;
  int unsigned total, left;
  always_comb begin
    up   = '0;
    down = '0;
    for (int unsigned i = 0; i < Count; i++) up = (up << 1) ^ in_i[i+:8];
    for (int unsigned i = 8; i > 1; i = i - 2) down = down + in_i[8*(i-1)+:8];
  end
  always_comb begin
    nested = '0;
    total  = 0;
    for (int unsigned i = 0; i <= 3; i++) begin
      for (int unsigned j = i; j != 4; j++) nested = nested + (in_i[8*i+:8] ^ in_i[8*j+:8]);
      for (int unsigned i = 0; i < 2; i++) total = total + 32'(in_i[i]);
      total = total + 32'(in_i[40+i]);
    end
  end
  always_comb begin
    int unsigned n;
    n    = 5;
    left = 0;
    while (n >= 2) begin
      left = left + (in_i[31:0] >> n);
      n    = n - 1;
    end
  end
  always_comb begin
    picked = '0;
    for (int unsigned i = 0; i < 8; i++) begin
      if ((i & 1) == 0) picked[i] = in_i[(1<<i[1:0])+i];
      else if (((i | 2) >> 1) == 3) picked[i] = in_i[63-i];
      else picked[i] = in_i[i*2];
    end
  end
  assign out_o = {picked, up, down, nested, total[7:0], left[15:0], 8'(left >> 16)};
endmodule

// A block's variables hide those outside it, and no longer than it.
module case_scopes (input logic clk_i, input logic rst_ni, input logic [63:0] in_i, output logic [63:0] out_o);
  logic [7:0] t, inner, later;
  always_comb begin
    t = in_i[7:0];
    begin
      logic [7:0] t;
      t = in_i[15:8] + 8'd1;
      begin
        logic [7:0] t;
        t     = in_i[23:16];
        later = t;
      end
      inner = t;
    end
    later = later ^ t;
  end
  assign out_o = {40'b0, inner, later, t};
endmodule

module case_functions (input logic clk_i, input logic rst_ni, input logic [63:0] in_i, output logic [63:0] out_o);
  logic [7:0] sum, mixed;
  logic       carry, second;
  logic [3:0][7:0] words;
  function automatic logic [7:0] own(input logic [7:0] x);  // reads a signal of the module
    return (x[0] ? x : ~x) + in_i[63:56];
  endfunction
  task automatic swap(input logic [7:0] x, output logic [3:0] low, output logic [3:0] high);
    low  = x[7:4];
    high = x[3:0];
  endtask
  always_comb begin
    sum = in_i[7:0];
    case_pkg::add_and_count(in_i[15:8], sum, carry);
    case_pkg::add_and_count(in_i[23:16], sum, second);
  end
  always_comb begin
    mixed = case_pkg::mix(in_i[31:24], own(in_i[39:32])) + case_pkg::mix(own(8'h12), in_i[47:40]);
    if (carry) swap(in_i[55:48], mixed[3:0], mixed[7:4]);
  end
  always_comb case_pkg::of_array(in_i[31:0], words);
  assign out_o = {words, 14'b0, second, carry, mixed, sum};
endmodule

// Packed arrays of two and three dimensions, ranges that ascend or do not begin at 0, parts read and written at constant and at computed places.
module case_packed (input logic clk_i, input logic rst_ni, input logic [63:0] in_i, output logic [63:0] out_o);
  logic [3:0][3:0][1:0] cube, changed;
  logic [0:7]  ascending;
  logic [11:4] shifted;
  logic [1:0][7:0] pair;
  assign cube      = in_i[31:0];
  assign ascending = in_i[39:32];
  assign shifted   = in_i[47:40];
  always_comb begin
    changed                             = cube;
    changed[1][2]                       = cube[3][in_i[33:32]];
    changed[in_i[35:34]][1][0]          = in_i[36];
    changed[2][in_i[38:37]]             = in_i[40:39];
    changed[in_i[42:41]]                = in_i[50:43];
    pair                                = '0;
    pair[1]                             = {ascending[0:3], shifted[7-:4]};
    pair[0][in_i[52:51]+:4]             = ascending[2+:4];
    pair[0][7]                          = shifted[in_i[53] ? 11 : 4];
  end
  assign out_o = {16'b0, pair, changed};
endmodule

// Unpacked arrays as flat vectors: elements and their parts, whole arrays, arrays that are ports.
module case_array_ports #(parameter int unsigned Depth = 4) (input logic [1:0] at_i, input logic [7:0] word_i [Depth], output logic [7:0] word_o [Depth], output logic flag_o [2]);
  always_comb begin
    word_o          = word_i;
    word_o[at_i]    = word_i[0] + 8'd1;
    word_o[1][5:2]  = word_i[at_i][3:0];
    word_o[at_i][7] = word_i[2][0];
  end
  assign flag_o[0] = ^word_i[3];
  assign flag_o[1] = word_i[at_i] == 8'h0;
endmodule

module case_unpacked (input logic clk_i, input logic rst_ni, input logic [63:0] in_i, output logic [63:0] out_o);
  logic [7:0] words [4];
  logic [7:0] changed [4];
  logic [7:0] kept_d [2];
  logic [7:0] kept_q [2];
  logic       flags [2];
  for (genvar g = 0; g < 4; g++) begin : gen_word
    assign words[g]          = in_i[8*g+:8];
    assign out_o[8*g+:8]     = changed[g];
  end
  case_array_ports #(.Depth(4)) u_ports (.at_i(in_i[33:32]), .word_i(words), .word_o(changed), .flag_o(flags));
  always_comb begin
    kept_d = kept_q;
    if (in_i[34]) kept_d[in_i[35]] = in_i[43:36];
  end
  always_ff @(posedge clk_i or negedge rst_ni) begin
    if (!rst_ni) kept_q <= '{default: '0};
    else kept_q <= kept_d;
  end
  assign out_o[63:32] = {14'b0, flags[1], flags[0], kept_q[1], kept_q[0]};
endmodule

// Arrays that clocked processes alone write, element by element, stay memories (bytes, flags), as long as no part of an element is read (pairs). One is written at two places, one by blocking assignments in a loop.
module case_memories (input logic clk_i, input logic rst_ni, input logic [63:0] in_i, output logic [63:0] out_o);
  logic [7:0]      bytes [8];
  logic [1:0][5:0] pairs [4];
  logic            flags [4];
  logic [7:0]      read_q;
  always_ff @(posedge clk_i) begin
    read_q <= bytes[in_i[2:0]];
    if (in_i[3]) bytes[in_i[6:4]] <= in_i[14:7];
    if (in_i[15]) bytes[in_i[18:16]] <= bytes[in_i[21:19]] + 8'd3;
  end
  // verilator lint_off BLKSEQ
  always_ff @(posedge clk_i) begin
    if (in_i[22]) begin
      for (int unsigned i = 0; i < 2; i++) pairs[{in_i[23], 1'(i)}] = in_i[24+12*i+:12];
      flags[in_i[24:23]] = in_i[25];
    end
  end
  // verilator lint_on BLKSEQ
  assign out_o = {27'b0, flags[in_i[51:50]], bytes[7], pairs[in_i[49:48]][1], pairs[1][0], bytes[in_i[54:52]], read_q};
endmodule

// Sizes from parameters and from a function of them, choices and copies made while elaborating.
module case_sized #(parameter int unsigned Width = 4, parameter bit Inverted = 0, localparam int unsigned Steps = $clog2(Width + 1)) (input logic [Width-1:0] in_i, output logic [Steps-1:0] ones_o, output logic [Width-1:0] out_o);
  typedef logic [Width-1:0] word_t;
  function automatic word_t every_other();
    word_t word;
    for (int unsigned i = 0; i < Width; i++) word[i] = (i & 1) != 0;
    return word;
  endfunction
  localparam word_t Pattern = every_other();
  assign ones_o = Steps'($countones(in_i));
  if (Inverted) begin : gen_inverted
    assign out_o = ~(in_i & Pattern);
  end else begin : gen_plain
    for (genvar g = 0; g < Width; g++) begin : gen_bit
      if (g % 2 == 0) assign out_o[g] = in_i[Width-1-g];
      else assign out_o[g] = in_i[g] ^ Pattern[g];
    end
  end
endmodule

module case_parameters (input logic clk_i, input logic rst_ni, input logic [63:0] in_i, output logic [63:0] out_o);
  logic [2:0] few;
  logic [3:0] many;
  case_sized u_default (.in_i(in_i[3:0]), .ones_o(few), .out_o(out_o[3:0]));
  case_sized #(.Width(9)) u_wide (.in_i(in_i[12:4]), .ones_o(many), .out_o(out_o[12:4]));
  case_sized #(.Width(5), .Inverted(1)) u_inverted (.in_i(in_i[17:13] ^ {5{in_i[18]}}), .ones_o(out_o[15:13]), .out_o(out_o[20:16]));
  assign out_o[63:21] = {28'b0, 8'd73, few, many};
endmodule

// Processes with a reset: several assignments, one alone (which Verilator writes as a choice) from a signal, and from calls that need lines of their own.
module case_registers (input logic clk_i, input logic rst_ni, input logic [63:0] in_i, output logic [63:0] out_o);
  case_pkg::state_t state_d, state_q;
  logic [7:0] one_q, called_q, first_q, second_q, low_q, local_q;
  function automatic logic [7:0] gray(input logic [7:0] x);
    return x ^ (x >> 1);
  endfunction
  always_comb begin
    state_d = state_q;
    if (state_q == case_pkg::Idle && in_i[0]) state_d = case_pkg::Load;
    else if (state_q == case_pkg::Load) state_d = in_i[1] ? case_pkg::Run : case_pkg::Idle;
    else if (state_q == case_pkg::Run) state_d = case_pkg::state_t'(in_i[3:2]);
    else if (in_i[4]) state_d = case_pkg::Idle;
  end
  always_ff @(posedge clk_i or negedge rst_ni) begin
    if (!rst_ni) begin
      state_q  <= case_pkg::Idle;
      first_q  <= 8'h0f;
      second_q <= '1;
    end else begin
      state_q <= state_d;
      if (in_i[5]) begin  // exchanged: both read before either is written
        first_q  <= second_q;
        second_q <= first_q + 8'd1;
      end
    end
  end
  always_ff @(posedge clk_i or negedge rst_ni) if (!rst_ni) one_q <= 8'ha5; else one_q <= in_i[13:6];
  always_ff @(posedge clk_i or negedge rst_ni) if (!rst_ni) called_q <= gray(8'h31); else called_q <= gray(in_i[21:14] + called_q);
  always_ff @(negedge clk_i) low_q <= in_i[29:22];
  always_ff @(posedge clk_i) begin
    logic [7:0] sum;
    sum = in_i[37:30] + in_i[45:38];
    if (in_i[46]) local_q <= sum ^ (sum >> 3);
  end
  assign out_o = {14'b0, state_q, one_q, called_q, first_q, second_q, low_q, local_q};
endmodule

// Words of more than 64 bits.
module case_wide (input logic clk_i, input logic rst_ni, input logic [63:0] in_i, output logic [63:0] out_o);
  logic [199:0] value, moved;
  always_comb begin
    value = {in_i, ~in_i, in_i, in_i[7:0]};
    moved = (value << in_i[6:0]) + (value >> in_i[13:7]);
    moved = moved ^ 200'(in_i[20:14]);
    out_o = moved[in_i[27:21]+:64] ^ 64'(moved > value);
  end
endmodule
