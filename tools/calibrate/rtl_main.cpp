// SPDX-License-Identifier: Apache-2.0
// Runs the Verilated original of a calibrated module on a stimulus, as bench.py's netlist bench does. Usage: rtl_main STIMULUS RESET_CYCLES > OUTPUTS
// A line of STIMULUS are the inputs of a cycle in hex, which change behind its clock edge; a line of OUTPUTS the outputs at its end.
#include <cstdint>
#include <cstdio>
#include <cstdlib>
#include <fstream>
#include <iostream>
#include <string>

#include "Vsj_cal_top.h"
#include "verilated.h"

namespace {

// Hex digits, the most significant first, into 32-bit words.
template <typename Port>
void set_words(Port& port, const std::string& hex) {
  const size_t words = sizeof(port) / sizeof(uint32_t);
  for (size_t w = 0; w < words; w++) {
    const size_t end = hex.size() > 8 * w ? hex.size() - 8 * w : 0;
    const size_t begin = end > 8 ? end - 8 : 0;
    port[w] = end ? static_cast<uint32_t>(std::stoul(hex.substr(begin, end - begin), nullptr, 16)) : 0;
  }
}

template <typename Port>
void print_words(const Port& port) {
  for (size_t w = sizeof(port) / sizeof(uint32_t); w-- > 0;) std::printf("%08x", port[w]);
  std::printf("\n");
}

}  // namespace

int main(int argc, char** argv) {
  std::ifstream stimulus(argc == 3 ? argv[1] : "");
  if (!stimulus) {
    std::fprintf(stderr, "rtl_main: the stimulus cannot be read\n");
    return 1;
  }
  const long reset_cycles = std::atol(argv[2]);
  Vsj_cal_top top;
  std::string line;
  top.rst_ni = 0;
  for (long cycle = 0; std::getline(stimulus, line); cycle++) {
    top.clk_i = 1;
    top.eval();
    top.rst_ni = cycle >= reset_cycles;
    set_words(top.in_i, line);
    top.eval();
    print_words(top.out_o);
    top.clk_i = 0;
    top.eval();
  }
  top.final();
  return 0;
}
