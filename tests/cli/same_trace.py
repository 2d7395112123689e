# SPDX-License-Identifier: Apache-2.0
"""Do two traces hold the same? Names, types, shapes, bits, attributes, filters, chunks and which names are one object. Where HDF5 put them in the file may differ. usage: same_trace.py A.h5 B.h5"""
import sys

import h5py
import numpy as np


def raw(values):
    values = np.asarray(values)
    return [str(v) for v in values.flat] if values.dtype == object else values.tobytes()


def attributes(item):
    return sorted((name, str(item.attrs[name].dtype) if hasattr(item.attrs[name], "dtype") else "", raw(item.attrs[name])) for name in item.attrs)


def content(path):
    out, first = {}, {}
    with h5py.File(path, "r") as f:
        out["/"] = attributes(f)

        def walk(group, prefix):
            for name in group:  # every link, also those to an object that was met before
                place, item = f"{prefix}/{name}", group[name]
                same = first.setdefault(h5py.h5o.get_info(item.id).addr, place)
                if isinstance(item, h5py.Dataset):
                    out[place] = (same, item.id.get_type().encode(), item.shape, item.chunks, item.compression, item.compression_opts, item.shuffle, raw(item[()]), attributes(item))
                else:
                    out[place] = (same, attributes(item))
                    walk(item, place)

        walk(f, "")
    return out


a, b = content(sys.argv[1]), content(sys.argv[2])
different = sorted(n for n in a.keys() | b.keys() if a.get(n) != b.get(n))
print(f"{len(a)} places, different: {different[:5]}")
sys.exit(bool(different) or len(a) < 10)
