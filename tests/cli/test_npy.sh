# SPDX-License-Identifier: Apache-2.0
# gemm with matrices of one's own, at each fidelity: files built byte by byte, and by NumPy where it is there.
source "$SOURCE/tests/cli/lib.sh"
gemm() { "$SKIPJOULE" gemm --accel edge16 "$@"; }

# make.py FILE DESCR ORDER ROWS COLUMNS: small integers, so that every sum is exact. product.py A B O: O = A B.
cat > npy.py << 'PY'
import re, struct

def values(name, rows, columns):
    return [[(hash_of(name, r, c) % 9) - 4 if hash_of(name, c, r + 7) % 3 else 0 for c in range(columns)] for r in range(rows)]

def hash_of(name, r, c):
    return (sum(name.encode()) * 7919 + r * 104729 + c * 1299709) * 2654435761 % 2**32 >> 7

def write(path, descr, fortran, matrix):
    rows, columns = len(matrix), len(matrix[0])
    flat = [matrix[r][c] for c in range(columns) for r in range(rows)] if fortran else [v for row in matrix for v in row]
    head = "{'descr': '%s', 'fortran_order': %s, 'shape': (%d, %d), }" % (descr, fortran, rows, columns)
    head = head.ljust((10 + len(head) + 64) // 64 * 64 - 11) + "\n"
    with open(path, "wb") as f:
        f.write(b"\x93NUMPY\x01\x00" + struct.pack("<H", len(head)) + head.encode() + struct.pack("<%d%s" % (len(flat), {"<f4": "f", "|i1": "b"}[descr]), *flat))

def read(path):
    data = open(path, "rb").read()
    length = struct.unpack("<H", data[8:10])[0]
    descr, rows, columns = re.search(r"'descr': '(...)', 'fortran_order': False, 'shape': \((\d+), (\d+)\)", data[10:10 + length].decode()).groups()
    flat = struct.unpack("<%d%s" % (int(rows) * int(columns), {"<f4": "f", "<i4": "i"}[descr]), data[10 + length:])
    return descr, [list(flat[i * int(columns):(i + 1) * int(columns)]) for i in range(int(rows))]

def product(a, b):
    return [[sum(x * y for x, y in zip(row, column)) for column in zip(*b)] for row in a]
PY
make() { python3 -c 'import sys, npy; n, d, o, r, c = sys.argv[1:]; npy.write(n, d, o == "F", npy.values(n, int(r), int(c)))' "$@"; }
is_product() { python3 -c 'import sys, npy
out, descr, m, k, n = sys.argv[1], sys.argv[2], *map(int, sys.argv[3:])
assert npy.read(out) == (descr, npy.product(npy.values("a.npy", m, k), npy.values("b.npy", k, n)))' "$@" || fault "$1 is not the product"; }

make a.npy '<f4' C 37 70
make b.npy '<f4' F 70 21
for fidelity in fast systemc rtl; do
  works gemm --a a.npy --b b.npy --fidelity $fidelity --variants skip,dense --codecs bitmask --out o-$fidelity.npy
  is_product o-$fidelity.npy '<f4' 37 70 21
  cmp o-fast.npy o-$fidelity.npy || fault "$fidelity wrote another product"
  [ $fidelity = fast ] || says "results equal the reference product"
done
works gemm --a a.npy --b b.npy --json
cp .out fast.json
works gemm --a a.npy --b b.npy --json --fidelity systemc
python3 - << 'PY' || fault "the result depends on the fidelity, or A's density is not its own"
import json, npy
runs = [json.load(open(p, encoding="utf-8")) for p in ("fast.json", ".out")]
for run in runs:
    assert "fnv1a64" in run.pop("provenance")["input"]
    run.pop("fidelity")
assert runs[0] == runs[1]
a = [v for row in npy.values("a.npy", 37, 70) for v in row]
assert abs(runs[0]["variants"]["skip/none"]["layers"][0]["density"]["a"] - sum(v != 0 for v in a) / len(a)) < 1e-9
PY

make a.npy '|i1' F 20 33
make b.npy '|i1' C 33 18
works gemm --a a.npy --b b.npy --set dtype=int8 --fidelity systemc --variants skip --codecs none --out int8.npy
is_product int8.npy '<i4' 20 33 18
refused 1 "a.npy: its values are int8, and accelerator \"edge16\" computes bf16" gemm --a a.npy --b b.npy
make a.npy '<f4' C 20 33
refused 1 "a.npy: its values are float32, and accelerator \"edge16\" computes int8: give --quantise" gemm --a a.npy --b b.npy --set dtype=int8
works gemm --a a.npy --b b.npy --set dtype=int8 --quantise
says "quantising made zeros of 0 values of A and 0 of B"

# wrong files
make b.npy '<f4' C 33 18
head -c 500 a.npy > short.npy
refused 1 "short.npy: it is cut off: 372 bytes stand behind the header, a matrix of 20 x 33 float32 values has 2640" gemm --a short.npy --b b.npy
cp a.npy long.npy && echo >> long.npy
refused 1 "long.npy: something stands behind the matrix" gemm --a long.npy --b b.npy
sed 's/<f4/>f4/' a.npy > big.npy
refused 1 "big-endian" gemm --a big.npy --b b.npy
sed 's/<f4/<f8/' a.npy > double.npy
refused 1 "its values are of type '<f8'" gemm --a double.npy --b b.npy
sed 's/(20, 33)/(660,  )/' a.npy > vector.npy
refused 1 "vector.npy: its array is 1-dimensional; a matrix has 2 dimensions" gemm --a vector.npy --b b.npy
noise 3000 noise.npy
refused 1 "noise.npy: not a NumPy file" gemm --a a.npy --b noise.npy
refused 1 "absent.npy" gemm --a a.npy --b absent.npy
refused 1 "A's columns must be as many as B's rows" gemm --a a.npy --b a.npy
python3 -c 'import npy; npy.write("nan.npy", "<f4", False, [[1.0, 2.0], [3.0, float("nan")]])'
refused 1 "nan.npy: value [1][1] is NaN" gemm --a nan.npy --b nan.npy --out x.npy
refused 1 "o-fast.npy: it exists" gemm --a a.npy --b b.npy --out o-fast.npy
refused 1 "absent/o.npy" gemm --a a.npy --b b.npy --out absent/o.npy
refused 2 "--b is missing" gemm --a a.npy
refused 2 "leave the sizes out" gemm 20 33 18 --a a.npy --b b.npy
refused 2 "random operands" gemm --a a.npy --b b.npy --density-a 0.5

if /usr/bin/python3 -c 'import numpy' 2> .err; then
  /usr/bin/python3 - << 'PY' || fault "NumPy cannot save"
import numpy as np
rng = np.random.default_rng(5)
a = rng.integers(-8, 9, (33, 40)).astype(np.float32)
b = rng.integers(-8, 9, (40, 12)).astype(np.float32)
np.save("a.npy", np.asfortranarray(a))
with open("b.npy", "wb") as f:
    np.lib.format.write_array(f, b, version=(2, 0))
PY
  works gemm --a a.npy --b b.npy --out numpy.npy
  /usr/bin/python3 -c 'import numpy as np; o = np.load("numpy.npy"); assert o.dtype == np.float32 and (o == np.load("a.npy") @ np.load("b.npy")).all()' || fault "NumPy has another product"
else
  echo "no NumPy here: its part is skipped"
fi
finish
