# SPDX-License-Identifier: Apache-2.0
# Output of the commands on the sample traces, letter by letter. SJ_GOLDEN_UPDATE=1 rewrites the files: read the difference before you commit it.
source "$SOURCE/tests/cli/lib.sh"
cp "$SOURCE"/traces/samples/cnn8-*.h5 .

golden trace-info.txt "$SKIPJOULE" trace info cnn8-train.h5
golden trace-stats.txt "$SKIPJOULE" trace stats cnn8-eval.h5
golden sim-train.txt "$SKIPJOULE" sim cnn8-train.h5 --accel edge16 -q
golden sim-eval.txt "$SKIPJOULE" sim cnn8-eval.h5 --accel edge16 --batch 1 -q
golden gemm.txt "$SKIPJOULE" gemm 100 64 40 --density-a 0.5 --accel edge16
golden help.txt "$SKIPJOULE" --help
golden ../../../docs/counters.md "$SKIPJOULE" counters  # the glossary is the program's
works "$SKIPJOULE" trace check cnn8-train.h5
says "ok"

# What the README shows is what the program prints.
works "$SKIPJOULE" sim cnn8-train.h5 --accel edge16 -q
python3 - "$SOURCE/README.md" .out << 'PY' || fault "the README's first output is not what the program prints"
import sys
readme, output = (open(p, encoding="utf-8").read() for p in sys.argv[1:])
block = readme.split("```")[3].strip("\n")
shown = [line for line in block.splitlines() if line.strip() and line.strip() != "..."]
printed = set(output.splitlines())
missing = [line for line in shown if line not in printed]
print("\n".join(missing))
sys.exit(1 if missing or len(shown) < 10 else 0)
PY
finish
