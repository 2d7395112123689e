# SPDX-License-Identifier: Apache-2.0
# Sourced by each command-line test, which runs in an empty folder of its own. Set by the caller: SKIPJOULE, SOURCE, BREAK_TRACE.
set -uo pipefail
export NO_COLOR=1
failures=0
checks=0

fault() {
  echo "FAULT: $*"
  failures=$((failures + 1))
}

listing() { find . -mindepth 1 ! -name .err ! -name .out -printf '%p %s\n' | sort; }

# refused EXIT 'part of the message' COMMAND...: exit code, one message on stderr, nothing on stdout, no file made or changed.
refused() {
  local want=$1 part=$2 before status
  shift 2
  checks=$((checks + 1))
  before=$(listing)
  "$@" > .out 2> .err
  status=$?
  [ $status -eq "$want" ] || fault "exit $status instead of $want: $*: $(cat .err)"
  grep -qF -- "$part" .err || fault "stderr does not say '$part': $*: $(cat .err)"
  [ ! -s .out ] || fault "a failed command wrote on stdout: $*: $(head -3 .out)"
  [ "$(listing)" = "$before" ] || fault "a failed command left files behind: $*: $(diff <(echo "$before") <(listing))"
}

# works COMMAND...: exit 0; stdout stays in .out
works() {
  local status
  checks=$((checks + 1))
  "$@" > .out 2> .err
  status=$?
  [ $status -eq 0 ] || fault "exit $status: $*: $(cat .err)"
}

says() {  # the last stdout holds this text
  checks=$((checks + 1))
  grep -qF -- "$1" .out || fault "stdout does not hold '$1': $(head -5 .out)"
}

# golden NAME COMMAND...: stdout equals tests/cli/golden/NAME (SJ_GOLDEN_UPDATE=1 rewrites it)
golden() {
  local name=$1
  shift
  works "$@"
  [ "${SJ_GOLDEN_UPDATE:-0}" = 1 ] && cp .out "$SOURCE/tests/cli/golden/$name"
  diff -u "$SOURCE/tests/cli/golden/$name" .out > .err || fault "output of '$*' is not tests/cli/golden/$name: $(head -40 .err)"
}

finish() {
  echo "$((checks - failures)) of $checks checks passed"
  exit $((failures > 0))
}

# noise BYTES FILE: random bytes of a seed that is printed; the first is a letter, so that the first line is not blank.
noise() {
  echo "SJ_TEST_SEED=${SJ_TEST_SEED:-7}"
  python3 -c 'import random, sys; r = random.Random(sys.argv[1]); open(sys.argv[3], "wb").write(b"N" + bytes(r.randrange(256) for _ in range(int(sys.argv[2]) - 1)))' "${SJ_TEST_SEED:-7}" "$1" "$2"
}

# interrupted COMMAND...: it is sent SIGINT; its exit code, and what it said on stderr.
# Later and later: on a busy machine a signal may come before the program hears it, and then nothing is said. foreground: the signal comes once, a second one ends at once.
interrupted() {
  local delay said status
  for delay in 1 2 4 8; do
    said=$(timeout --foreground --preserve-status -s INT $delay "$@" 2>&1)
    status=$?
    [ -n "$said" ] && break
  done
  echo "$said" >&2
  return $status
}
