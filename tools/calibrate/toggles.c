// SPDX-License-Identifier: Apache-2.0
// Counts the toggles of a waveform and adds up their energies by cycle. Usage: toggles WAVE.vcd NETS PERIOD_PS FIRST_CYCLE CYCLES COUNTS ENERGIES
// NETS:     a line a net: name, energy of a rise, of a fall (pJ), group (0 to 15).
// COUNTS:   a line a net, as in NETS: name, rises, falls in the cycles FIRST_CYCLE to FIRST_CYCLE + CYCLES - 1.
// ENERGIES: native doubles, 16 groups a cycle.
// A net that the waveform does not hold is an error, and one whose value is unknown in a counted cycle: silence would count as 0 pJ.
#include <errno.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum { kGroups = 16, kNameLength = 64, kCodes = 94 * 94 * 94 * 94, kLine = 1 << 16 };

typedef struct {
  char name[kNameLength];
  double energy[2];   // of a fall, a rise
  uint64_t count[2];  // falls, rises
  int group;
  char value;
  bool found;
} Net;

typedef struct {
  Net* nets;
  size_t net_count;
  int32_t* net_of_code;  // by VCD identifier: index of the net, or -1
  double* energies;
  uint64_t period, first, cycles;
} Run;

static void fail(const char* what, const char* which) {
  fprintf(stderr, "toggles: %s%s\n", what, which);
  exit(1);
}

static void* allocate(size_t count, size_t size) {
  void* memory = calloc(count ? count : 1, size);
  if (!memory) fail("out of memory", "");
  return memory;
}

static uint64_t parse_number(const char* text) {
  char* end = NULL;
  errno = 0;
  uint64_t value = strtoull(text, &end, 10);
  if (errno || end == text || *end) fail("not a number: ", text);
  return value;
}

static FILE* open_file(const char* path, const char* mode) {
  FILE* file = fopen(path, mode);
  if (!file) fail("cannot open ", path);
  return file;
}

static int compare_names(const void* a, const void* b) {
  return strcmp(((const Net*)a)->name, ((const Net*)b)->name);
}

static void read_nets(Run* run, const char* path) {
  FILE* file = open_file(path, "r");
  size_t capacity = 1024;
  run->nets = allocate(capacity, sizeof(Net));
  Net net = {.value = 'x'};
  while (fscanf(file, "%63s %lf %lf %d", net.name, &net.energy[1], &net.energy[0], &net.group) == 4) {
    if (net.group < 0 || net.group >= kGroups) fail("a group beyond 15: net ", net.name);
    if (run->net_count == capacity) {
      capacity *= 2;
      run->nets = realloc(run->nets, capacity * sizeof(Net));
      if (!run->nets) fail("out of memory", "");
    }
    run->nets[run->net_count++] = net;
  }
  if (!feof(file)) fail("a line that is not 'name rise fall group' in ", path);
  fclose(file);
  qsort(run->nets, run->net_count, sizeof(Net), compare_names);
}

// VCD identifiers are words of printable characters, used from the shortest on.
static size_t code_index(const char* code) {
  size_t index = 0;
  for (; *code > ' '; code++) index = index * 94 + (size_t)(*code - '!') + 1;
  if (index >= kCodes) fail("the waveform has too many variables", "");
  return index;
}

// "$var wire 1 ! n5 $end"
static void read_variable(Run* run, const char* line) {
  char code[16], name[kNameLength];
  int width = 0;
  if (sscanf(line, "$var %*s %d %15s %63s", &width, code, name) != 3) fail("a $var line is not understood: ", line);
  if (width != 1) return;
  Net key;
  snprintf(key.name, sizeof key.name, "%s", name);
  Net* net = bsearch(&key, run->nets, run->net_count, sizeof(Net), compare_names);
  if (!net) return;
  net->found = true;
  run->net_of_code[code_index(code)] = (int32_t)(net - run->nets);
}

static void change(Run* run, uint64_t time, char value, const char* code) {
  const int32_t index = run->net_of_code[code_index(code)];
  if (index < 0) return;
  Net* net = &run->nets[index];
  const char before = net->value;
  net->value = value;
  const uint64_t cycle = time / run->period;
  if (cycle < run->first || cycle >= run->first + run->cycles || before == value) return;
  if ((value != '0' && value != '1') || (before != '0' && before != '1')) fail("a value is unknown in a counted cycle: net ", net->name);
  const int rise = value == '1';
  net->count[rise]++;
  run->energies[(cycle - run->first) * kGroups + (uint64_t)net->group] += net->energy[rise];
}

static void read_wave(Run* run, const char* path) {
  FILE* file = open_file(path, "r");
  static char line[kLine];
  uint64_t time = 0;
  bool any_time = false;
  while (fgets(line, sizeof line, file)) {
    line[strcspn(line, "\n")] = 0;
    if (strncmp(line, "$var", 4) == 0) read_variable(run, line);
    else if (line[0] == '#') time = parse_number(line + 1), any_time = true;
    else if (line[0] == '0' || line[0] == '1' || line[0] == 'x' || line[0] == 'z') change(run, time, line[0], line + 1);
  }
  fclose(file);
  if (!any_time || time / run->period + 1 < run->first + run->cycles) fail("the waveform ends before the last cycle that is to be counted: ", path);
  for (size_t n = 0; n < run->net_count; n++) {
    if (!run->nets[n].found) fail("a net of the netlist is not in the waveform: ", run->nets[n].name);
    if (run->nets[n].value != '0' && run->nets[n].value != '1') fail("a net never has a known value: ", run->nets[n].name);
  }
}

int main(int argc, char** argv) {
  if (argc != 8) fail("usage: toggles WAVE.vcd NETS PERIOD_PS FIRST_CYCLE CYCLES COUNTS ENERGIES", "");
  Run run = {.period = parse_number(argv[3]), .first = parse_number(argv[4]), .cycles = parse_number(argv[5])};
  if (run.period == 0 || run.cycles == 0) fail("the period and the number of cycles must be above 0", "");
  read_nets(&run, argv[2]);
  run.net_of_code = allocate(kCodes, sizeof *run.net_of_code);
  for (size_t i = 0; i < kCodes; i++) run.net_of_code[i] = -1;
  run.energies = allocate(run.cycles * kGroups, sizeof(double));
  read_wave(&run, argv[1]);
  FILE* counts = open_file(argv[6], "w");
  for (size_t n = 0; n < run.net_count; n++) {
    fprintf(counts, "%s %llu %llu\n", run.nets[n].name, (unsigned long long)run.nets[n].count[1], (unsigned long long)run.nets[n].count[0]);
  }
  FILE* energies = open_file(argv[7], "wb");
  const size_t values = (size_t)run.cycles * kGroups;
  if (fwrite(run.energies, sizeof(double), values, energies) != values) fail("cannot write ", argv[7]);
  if (fclose(energies) || fclose(counts)) fail("cannot write ", argv[6]);
  free(run.energies);
  free(run.net_of_code);
  free(run.nets);
  return 0;
}
