#!/usr/bin/env bash
# SPDX-License-Identifier: Apache-2.0
# A module of ours, mapped to the cells of a Liberty file. The netlist that is measured is read back from the Verilog that was written: names then are those of the file.
# Usage: synthesise.sh TOP LIBERTY OUT_FOLDER SOURCE.sv ...     TOP stands in the last source or in rtl/; makes OUT_FOLDER/TOP.{xml,v,net.v,json,log}
set -euo pipefail
top=$1 liberty=$2 out=$3
shift 3
here=$(cd "$(dirname "$0")" && pwd)
rtl=$here/../../rtl
period_ps=${SJ_CALIBRATE_PERIOD_PS:-10000}
# quick: Yosys' sequence for a Liberty with timing without the passes that look for equal nodes by SAT, which do not end on some nets of multiplexers. It takes more gates.
abc=(-D "$period_ps")
[ -z "${SJ_CALIBRATE_QUICK:-}" ] || abc+=(-script "+strash;dc2;dch,-f;map,-B,0.9,-D,$period_ps;topo;buffer,-c;upsize,-D,$period_ps;dnsize,-D,$period_ps")
verilator --xml-only -fno-dfg --unroll-count 1 -Wno-fatal -DSYNTHESIS --xml-output "$out/$top.xml" --top-module "$top" "$@" -y "$rtl" -y "$here/rtl" > "$out/$top.log" 2>&1 ||
  { tail -5 "$out/$top.log" >&2; echo "synthesise: Verilator does not read $top" >&2; exit 1; }
"${SJ_PYTHON:-/usr/bin/python3}" "$here/plain_verilog.py" "$out/$top.xml" "$out/$top.v"
timeout 600 yosys -l "$out/$top.log" -q -p "
  read_verilog $out/$top.v
  synth -flatten -top $top
  dfflibmap -liberty $liberty
  abc -liberty $liberty -constr $here/abc.constr ${abc[*]}
  setundef -zero
  opt_clean -purge
  write_verilog -noattr $out/$top.net.v
  design -reset
  read_liberty -lib $liberty
  read_verilog $out/$top.net.v
  hierarchy -check -top $top
  check -assert
  write_json $out/$top.json" > /dev/null 2>&1 || { tail -5 "$out/$top.log" >&2; echo "synthesise: Yosys cannot map $top" >&2; exit 1; }
