#!/bin/sh
# SPDX-License-Identifier: Apache-2.0
# FORMAT.md's Python example, as it stands there, must write a trace that passes the check. Skipped (77) where there is no h5py.
# usage: format_example.sh FORMAT.md SKIPJOULE
set -eu
python=/usr/bin/python3  # the packaged one: h5py comes from the distribution
"$python" -c "import h5py" 2>/dev/null || { echo "skipped: no h5py"; exit 77; }
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
sed -n '/^```python/,/^```$/p' "$1" | sed '1d;$d' > "$folder/producer.py"
cd "$folder"
"$python" producer.py
said=$("$2" trace check conv.h5)
echo "$said"
[ "$said" = "conv.h5: ok, 4 tensors checked" ]
