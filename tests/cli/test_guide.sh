# SPDX-License-Identifier: Apache-2.0
# docs/guide.md, as a reader would follow it: every file written, every command run, every shown output compared (guide_commands.py), in one empty folder with skipjoule on the PATH.
source "$SOURCE/tests/cli/lib.sh"
guide=$SOURCE/docs/guide.md
script=$SOURCE/tests/cli/guide_commands.py
skip=()

mkdir bin guide
ln -s "$SKIPJOULE" bin/skipjoule
python=python3
for candidate in ${SJ_PYTHON:-} python3 /usr/bin/python3; do
  "$candidate" -c 'import h5py, numpy' 2> /dev/null && python=$(command -v "$candidate") && break
done
"$python" -c 'import h5py, numpy' 2> /dev/null || { echo "no Python with h5py: its blocks are skipped"; skip+=(--skip h5py); }
works "$SKIPJOULE" sim "$SOURCE/traces/samples/cnn8-eval.h5" --accel edge16 -o probe -q
"$SKIPJOULE" report probe -o probe.html > .out 2> .err || { grep -q "built without Vega" .err && echo "built without Vega: its blocks are skipped" && skip+=(--skip vega); }
printf '#!/bin/sh\nexec "%s" "$@"\n' "$python" > bin/python3
chmod +x bin/python3
export PATH=$PWD/bin:$PATH OMP_WAIT_POLICY=passive PYTHONDONTWRITEBYTECODE=1
unset COLUMNS

works bash -c 'cd guide && exec python3 "$@"' _ "$script" "$guide" ${skip[@]+"${skip[@]}"}
cat .out
# What the guide promises of itself: that it has enough of all, so that an emptied guide or an extraction that finds nothing does not pass.
[[ "$(cat .out)" =~ ^([0-9]+)\ files,\ ([0-9]+)\ commands,\ ([0-9]+)\ outputs ]] && [ "${BASH_REMATCH[1]}" -ge 5 ] && [ "${BASH_REMATCH[2]}" -ge 20 ] && [ "${BASH_REMATCH[3]}" -ge 8 ] || fault "too little was run"

# The comparison itself: what is not there, in another order, or behind a gap that is not marked, is noticed.
expect() {  # expect EXIT BLOCKS...: a guide of these blocks
  local want=$1
  shift
  checks=$((checks + 1))
  printf '%s\n' "$@" > small.md
  python3 "$script" small.md > .out 2> .err
  [ $? -eq "$want" ] || fault "exit is not $want: $*"
}
say='printf "one 1\ntwo 2\nthree 3\n"'
expect 0 '```sh' "$say" '```' '```text' 'one 1' '...' 'three 3' '```'
expect 0 '```sh' "$say" '```' '```text free' 'one  7.5' 'two -2e-3' '```'
expect 1 '```sh' "$say" '```' '```text free' 'one 1' 'twice 2' '```'
expect 1 '```sh' "$say" '```' '```text' 'one 7' '```'
expect 1 '```sh' "$say" '```' '```text' 'one 1' 'three 3' '```'
expect 1 '```sh' "$say" '```' '```text' 'two 2' '...' 'one 1' '```'
expect 1 '```sh' 'false | cat' '```'
expect 1 '```sh' 'true'
expect 0 '```sh file=x' 'false' '```' '```sh' 'grep false x' '```' '```console' 'false' '```'
finish
