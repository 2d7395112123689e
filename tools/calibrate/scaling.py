# SPDX-License-Identifier: Apache-2.0
"""From 0.18 um, 1.8 V to another node, as (low, typical, high) factors on energies, and on areas.

Energy of a toggle goes with C V^2.
  high     C by the feature size: 45 / 180.
  typical  C by what a gate's input pin is in two public libraries: NAND2 of 12.5 fF in osu018, of 1.60 fF in the NanGate 45 nm Open Cell Library, 1 / 7.8. osu018's transistors are
           wide for their node (its layout rules are scalable ones), so that the ratio of feature sizes leaves too much.
  low      typical / 2: what a commercial library and a synthesis that restructures arithmetic may save on top of that.
V by the nodes' nominal supplies. Areas: NAND2 of 24 um2 in osu018, 0.798 um2 in NanGate 45 nm, 1 / 30; high by the square of the feature sizes, 1 / 16; low 1 / 40.
From 45 nm on C goes with the feature size and area with its square, which is the classical rule; the interval is widened by a tenth for each node in between.
"""
FROM_NM, FROM_VOLT = 180.0, 1.8
PIN_RATIO_45 = 1.60 / 12.5
AREA_RATIO_45 = 0.798 / 24.0
VOLT = {45: 0.9, 32: 0.9, 22: 0.8, 16: 0.8}
NODES = [45, 32, 22, 16]


class ScalingError(Exception):
    pass


def steps_below_45(nm):
    if nm not in VOLT:
        raise ScalingError(f"no factor is stated for {nm} nm: {', '.join(str(n) for n in NODES)} are known")
    return NODES.index(nm)


def energy_factors(nm):
    """E.g. 45 -> (1/62, 1/31, 1/16)."""
    volts, shrink, widen = (VOLT[nm] / FROM_VOLT) ** 2 if nm in VOLT else 0.0, nm / 45.0, 1.1 ** steps_below_45(nm)
    typical = PIN_RATIO_45 * shrink * volts
    return typical / 2 / widen, typical, 45.0 / FROM_NM * shrink * volts * widen


def area_factors(nm):
    """E.g. 45 -> (1/40, 1/30, 1/16)."""
    shrink, widen = (nm / 45.0) ** 2, 1.1 ** steps_below_45(nm)
    return shrink / 40.0 / widen, AREA_RATIO_45 * shrink, shrink / 16.0 * widen
