"""Points of Baby Jubjub outside its subgroup of prime order."""

from twopm_zk.numbers.baby_jubjub import COFACTOR, SUBGROUP_ORDER, Point, multiply

GENERATOR = Point(
    995203441582195749578291179787384436505546430278305826713579947235728471134,
    5472060717959818805561601436314318772137091100104008585924551046643952123905,
)
"""Of the whole group: https://eips.ethereum.org/EIPS/eip-2494, section "Specification"."""
SMALL = [multiply(GENERATOR, i * SUBGROUP_ORDER) for i in range(COFACTOR)]
"""All points whose order divides the cofactor, the identity first."""
