# SPDX-License-Identifier: Apache-2.0
"""From 0.18 um, 1.8 V to another node, as (low, typical, high) factors on energies, and on areas.

Energy of a toggle goes with C V^2.
  high     C by the feature size: 45 / 180.
  typical  C by what a gate's input pin is in two public libraries: NAND2 of 12.5 fF in osu018, of 1.60 fF in the NanGate 45 nm Open Cell Library, 1 / 7.8. osu018's transistors are
           wide for their node (its layout rules are scalable ones), so that the ratio of feature sizes leaves too much.
  low      typical / 2: what a commercial library and a synthesis that restructures arithmetic may save on top of that.
V by the nodes' nominal supplies. Areas: NAND2 of 24 um2 in osu018, 0.798 um2 in NanGate 45 nm, 1 / 30; high by the square of the feature sizes, 1 / 16; low 1 / 40.
Smaller nodes follow from the 45 nm file by tools/tech/derive.py, with the factors of the literature's set.
"""
FROM_NM, FROM_VOLT = 180.0, 1.8
PIN_RATIO = {45: 1.60 / 12.5}
AREA_RATIO = {45: 0.798 / 24.0}
AREA_LOW = {45: 1.0 / 40.0}
VOLT = {45: 0.9}


class ScalingError(Exception):
    pass


def check(nm):
    if nm not in VOLT:
        raise ScalingError(f"no factor is stated for {nm} nm: {', '.join(str(n) for n in VOLT)} is known; smaller nodes: tools/tech/derive.py")


def energy_factors(nm):
    """45 -> (1/62, 1/31, 1/16)."""
    check(nm)
    volts, typical = (VOLT[nm] / FROM_VOLT) ** 2, PIN_RATIO[nm]
    return typical / 2 * volts, typical * volts, nm / FROM_NM * volts


def area_factors(nm):
    """45 -> (1/40, 1/30, 1/16)."""
    check(nm)
    return AREA_LOW[nm], AREA_RATIO[nm], (nm / FROM_NM) ** 2
