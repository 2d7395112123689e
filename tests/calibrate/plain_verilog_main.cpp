// SPDX-License-Identifier: Apache-2.0
// Drives pairs of modules (test_plain_verilog.py) with random inputs and resets. Usage: plain_verilog_main SEED CYCLES
// A line for each pair: cycles in which its outputs differ, the first of them (-1: none), cycles in which they change.
#include <cstdint>
#include <cstdio>
#include <cstdlib>
#include <vector>

#include "Vpairs.h"
#include "verilated.h"

int main(int argc, char** argv) {
  if (argc != 3) return 2;
  uint64_t state = std::strtoull(argv[1], nullptr, 10) * 2654435769u + 88172645463325252u;
  const auto draw = [&state] {
    state ^= state << 13;
    state ^= state >> 7;
    state ^= state << 17;
    return static_cast<uint32_t>(state >> 16);
  };
  const long cycles = std::atol(argv[2]);
  Vpairs top;
  std::vector<long> differ(PAIRS, 0), first(PAIRS, -1), changed(PAIRS, 0);
  for (long cycle = 0; cycle < cycles; cycle++) {
    for (size_t w = 0; w < sizeof(top.in_i) / sizeof(uint32_t); w++) top.in_i[w] = draw();
    top.rst_ni = cycle >= 4 && draw() % 64 != 0;
    uint32_t wrong = 0;
    for (int clock = 0; clock < 2; clock++) {  // both halves: also what a reset, a falling edge and the inputs alone do
      top.clk_i = clock;
      top.eval();
      wrong |= top.differ_o;
      for (int p = 0; p < PAIRS; p++) changed[p] += !clock && (top.changed_o >> p & 1);  // since before the edge, by it or by the inputs
    }
    for (int p = 0; p < PAIRS; p++) {
      if (!(wrong >> p & 1)) continue;
      differ[p]++;
      if (first[p] < 0) first[p] = cycle;
    }
  }
  for (int p = 0; p < PAIRS; p++) std::printf("%ld %ld %ld\n", differ[p], first[p], changed[p]);
  top.final();
  return 0;
}
