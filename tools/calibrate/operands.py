# SPDX-License-Identifier: Apache-2.0
"""Operands of one lane, drawn from a trace in the order in which the machine feeds them (docs/lowering.md, docs/timing.md): step after step, slot after slot, in a slot k ascending."""
import h5py
import numpy

KTILE, SLOTS, ROWS = 64, 8, 16
CONTROLLED = ("conv6", "forward")  # whose values the controlled streams take
STREAMS = [("conv4", "forward"), ("conv6", "forward"), ("conv3", "grad_weight, swapped"), ("conv6", "grad_weight"), ("conv5", "grad_input")]


def bf16(values):
    """float32 -> bf16 bits, to nearest even; what would have exponent 0 is zero, as on the machine."""
    bits = numpy.ascontiguousarray(values, dtype=numpy.float32).view(numpy.uint32).astype(numpy.uint64)
    rounded = ((bits + 0x7fff + ((bits >> 16) & 1)) >> 16).astype(numpy.uint32)
    return numpy.where((rounded & 0x7f80) == 0, 0, rounded)


def int8(values):
    """Scaled so that the tensor's largest magnitude is 127, to nearest."""
    scale = float(numpy.abs(values).max()) or 1.0
    return (numpy.rint(numpy.asarray(values) * (127.0 / scale)).astype(numpy.int64) & 0xff).astype(numpy.uint32)


def bf16_value(bits):
    return (bits.astype(numpy.uint32) << 16).view(numpy.float32).astype(numpy.float64)


def int8_value(bits):
    return bits.astype(numpy.int64) - 256 * (bits >= 128)


class Dtype:
    def __init__(self, name):
        self.name = name
        self.code, self.value = (bf16, bf16_value) if name == "bf16" else (int8, int8_value)

    def sum_bits(self, value):
        if self.name == "bf16":
            return int(numpy.float32(value).view(numpy.uint32))
        return int(value) & 0xffffffff


def im2col(x, kernel, stride, padding):
    """(N, H, W, C) -> (N*P*Q, R*S*C)"""
    r, s = kernel
    x = numpy.pad(x, ((0, 0), (padding, padding), (padding, padding), (0, 0)))
    p, q = (x.shape[1] - r) // stride + 1, (x.shape[2] - s) // stride + 1
    parts = [x[:, i:i + stride * p:stride, j:j + stride * q:stride, :] for i in range(r) for j in range(s)]
    return numpy.concatenate(parts, axis=3).reshape(-1, r * s * x.shape[3])


class Trace:
    def __init__(self, path):
        self.file = h5py.File(path, "r")
        network = self.file["network"]
        self.layers = {name.decode(): i for i, name in enumerate(network["name"][:])}
        self.kernel, self.stride, self.padding = network["kernel"][:], network["stride"][:], network["padding"][:]

    def product(self, layer, phase, inside=False):
        """(A, B) of the product: (M, K), (K, N). inside: of ones in place of the values, so that padding alone is 0."""
        i = self.layers[layer]
        group = self.file["steps/0"][layer]
        x, w, dy = (numpy.ones_like(group[k][:], dtype=numpy.float32) if inside else group[k][:].astype(numpy.float32) for k in ("x", "w", "dy"))
        kernel, stride, padding = self.kernel[i], int(self.stride[i]), int(self.padding[i])
        columns = im2col(x, kernel, stride, padding)
        if phase == "forward":
            return columns, w.reshape(w.shape[0], -1).T
        if phase == "grad_input":
            if stride != 1:
                raise ValueError(f"{layer}: grad_input is drawn from layers of stride 1 alone")
            turned = w[:, ::-1, ::-1, :]  # (Cout, R, S, Cin) -> K = (r, s, cout)
            return im2col(dy, kernel, 1, int(kernel[0]) - 1 - padding), turned.transpose(1, 2, 0, 3).reshape(-1, w.shape[3])
        flat = dy.reshape(-1, dy.shape[3])
        return (flat.T, columns) if phase == "grad_weight" else (columns.T, flat)

    def pool(self, dtype, layer, phase):
        """Nonzero operand codes of A and of B of a product, as often as they are used."""
        a, b = (dtype.code(x).ravel() for x in self.product(layer, phase))
        return a[a != 0], b[b != 0]


class Issue:
    """One issue as a lane sees it. state: A both operands nonzero; a, b: that one zero; z both; p padding (A out of range); l a lane beyond N; n: nothing is issued."""
    __slots__ = ("a", "b", "state", "first", "loaded")

    def __init__(self, a, b, state, first=False, loaded=0):
        self.a, self.b, self.state, self.first, self.loaded = int(a), int(b), state, first, loaded


def state_of(a, b):
    return "A" if a and b else "z" if not a and not b else "b" if a else "a"


def real_stream(trace, dtype, layer, phase, issues, rng, skip=False):
    """Consecutive issues of one lane of a row, two slots of one step, then another lane: many lanes' values in a short stream. What is padding in A is not issued on any machine (docs/timing.md
    section 1), what is padding in B leaves the lane idle. skip: k whose A is zero, or whose B is zero in all lanes, are not issued."""
    a, b = (dtype.code(x) for x in trace.product(layer, phase))
    a_inside, b_inside = trace.product(layer, phase, inside=True)
    any_b = (b != 0).any(axis=1)
    found = []
    while len(found) < issues:
        lane, base, first_step = rng.integers(b.shape[1]), rng.integers(max(a.shape[0] - ROWS * SLOTS, 1)), rng.integers(max(a.shape[1] // KTILE, 1)) * KTILE
        ks = numpy.arange(first_step, min(first_step + KTILE, a.shape[1]))
        for m in range(base, a.shape[0], ROWS)[:2]:
            issued = a_inside[m, ks] != 0
            if skip:
                issued &= (a[m, ks] != 0) & any_b[ks]
            for number, k in enumerate(ks[issued]):
                state = state_of(a[m, k], b[k, lane]) if b_inside[k, lane] else "l"
                found.append(Issue(a[m, k], b[k, lane], state, number == 0))
    return found[:issues]


class Source:
    """Values for controlled streams."""

    def __init__(self, trace, dtype, rng, layer, phase):
        self.dtype, self.rng = dtype, rng
        self.pool_a, self.pool_b = trace.pool(dtype, layer, phase)
        pick = lambda pool: dtype.value(rng.choice(pool, 1000))
        self.scale = 8.0 * float(numpy.abs(pick(self.pool_a) * pick(self.pool_b)).mean())  # of sums of some 64 products

    def issue(self, state, number):
        a = 0 if state in "azp" else self.rng.choice(self.pool_a)
        b = 0 if state in "bzl" else self.rng.choice(self.pool_b)
        return Issue(a, b, state, number % KTILE == 0, self.dtype.sum_bits(self.rng.normal() * self.scale))

    def states(self, issues, states):
        """Each state follows each with equal probability."""
        return [self.issue(states[self.rng.integers(len(states))], i) for i in range(issues)]

    def fractions(self, issues, a_zero, b_zero):
        found = []
        for i in range(issues):
            za, zb = self.rng.random() < a_zero, self.rng.random() < b_zero
            found.append(self.issue("z" if za and zb else "a" if za else "b" if zb else "A", i))
        return found


def lane_rows(issues, gate):
    """The ports of sj_cal_lane_* by cycle: issue i is selected in cycle i, multiplied in i+1, added in i+2."""
    rows = [{"issue_i": 0, "multiply_i": 0, "add_i": 0, "gate_i": gate} for _ in range(len(issues) + 2)]
    for i, issue in enumerate(issues):
        if issue.state == "n":
            continue
        rows[i].update(issue_i=1, b_i=issue.b, b_in_range_i=int(issue.state != "l"), b_nonzero_i=int(issue.b != 0))
        rows[i + 1].update(multiply_i=1, a_i=issue.a, a_in_range_i=int(issue.state != "p"), a_nonzero_i=int(issue.a != 0))
        rows[i + 2].update(add_i=1, add_first_i=int(issue.first), loaded_i=issue.loaded)
    return rows
