# SPDX-License-Identifier: Apache-2.0
# GTSRB and a folder of PNG images, made here: trained from, named in the provenance, refused where they are damaged.
source "$SOURCE/tests/cli/lib.sh"
python3 - << 'PY'
import os, struct, zlib

def png(path, rows):
    def chunk(kind, data):
        return struct.pack(">I", len(data)) + kind + data + struct.pack(">I", zlib.crc32(kind + data))
    raw = b"".join(b"\0" + bytes(row) for row in rows)
    head = struct.pack(">IIBBBBB", len(rows[0]), len(rows), 8, 0, 0, 0, 0)
    with open(path, "wb") as f:
        f.write(b"\x89PNG\r\n\x1a\n" + chunk(b"IHDR", head) + chunk(b"IDAT", zlib.compress(raw)) + chunk(b"IEND", b""))

for part, count in (("train", 16), ("test", 4)):
    for label, name in enumerate(("dark", "light")):
        os.makedirs(f"figures/{part}/{name}")
        for i in range(count):
            png(f"figures/{part}/{name}/{i}.png", [[150 * label + (7 * i + x * y) % 60 for x in range(12)] for y in range(10)])

line = "Filename;Width;Height;Roi.X1;Roi.Y1;Roi.X2;Roi.Y2;ClassId\r\n"
def sign(folder, name, label):
    with open(f"{folder}/{name}", "wb") as f:
        f.write(b"P6\n40 36\n255\n" + bytes((label * 5 + i) % 256 for i in range(40 * 36 * 3)))
    return f"{name};40;36;4;3;35;32;{label}\r\n"
for label in range(43):
    folder = f"signs/Final_Training/Images/{label:05d}"
    os.makedirs(folder)
    with open(f"{folder}/GT-{label:05d}.csv", "w", newline="") as f:
        f.write(line + sign(folder, "00000_00000.ppm", label))
os.makedirs("signs/Final_Test/Images")
with open("signs/GT-final_test.csv", "w", newline="") as f:
    f.write(line + "".join(sign("signs/Final_Test/Images", f"{i:05d}.ppm", i) for i in range(8)))
PY
common=(--set epochs=1 --set batch_size=8 --set trace.images=2 --set data.train_images=0 --set data.test_images=0 -q)
config=$SOURCE/configs/train/glyphs-plain.cfg

works "$SKIPJOULE" train "$config" --data figures --set data.name=png-folder --set network.width=4 "${common[@]}" -o drawn
works "$SKIPJOULE" trace check drawn/trace.h5
works "$SKIPJOULE" train "$config" --data signs --set data.name=gtsrb --set data.image='[16,16]' --set network.width=4 "${common[@]}" -o seen
works "$SKIPJOULE" trace check seen/trace.h5
works python3 - << 'PY'
import json
inputs = {**json.load(open("drawn/provenance.json"))["inputs"], **json.load(open("seen/provenance.json"))["inputs"]}
for path in ("figures/train", "figures/test", "signs/Final_Training/Images", "signs/Final_Test/Images", "signs/GT-final_test.csv"):
    assert inputs[path].startswith("fnv1a64:"), (path, inputs)
PY

head -c 70 figures/train/light/3.png > cut && mv cut figures/train/light/3.png
refused 1 "figures/train/light/3.png: damaged or cut short" "$SKIPJOULE" train "$config" --data figures --set data.name=png-folder "${common[@]}" -o never
sed -i 's/;42/;41/' signs/Final_Training/Images/00042/GT-00042.csv
refused 1 "GT-00042.csv:2: class 41; this folder is of class 42" "$SKIPJOULE" train "$config" --data signs --set data.name=gtsrb "${common[@]}" -o never
refused 1 "data.image" "$SKIPJOULE" train "$config" --set data.image='[16,16]' -q -o never
finish
