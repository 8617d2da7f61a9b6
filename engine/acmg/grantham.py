"""How far two amino acids lie apart by composition, polarity and volume.

Source: Grantham 1974 (10.1126/science.185.4154.862), table 1 and formula; his table 2 is rounded on the way, so that a
distance may differ from it by one.

>>> grantham("Leu", "Ile"), grantham("Gly", "Arg"), grantham("Pro", "Pro")
(5, 125, 0)
"""

from __future__ import annotations

_COMPOSITION, _POLARITY, _VOLUME, _SCALE = 1.833, 0.1018, 0.000399, 50.723
# Composition, polarity, molecular volume.
_PROPERTIES = {
    "Ser": (1.42, 9.2, 32.0), "Arg": (0.65, 10.5, 124.0), "Leu": (0.0, 4.9, 111.0), "Pro": (0.39, 8.0, 32.5),
    "Thr": (0.71, 8.6, 61.0), "Ala": (0.0, 8.1, 31.0), "Val": (0.0, 5.9, 84.0), "Gly": (0.74, 9.0, 3.0),
    "Ile": (0.0, 5.2, 111.0), "Phe": (0.0, 5.2, 132.0), "Tyr": (0.20, 6.2, 136.0), "Cys": (2.75, 5.5, 55.0),
    "His": (0.58, 10.4, 96.0), "Gln": (0.89, 10.5, 85.0), "Asn": (1.33, 11.6, 56.0), "Lys": (0.33, 11.3, 119.0),
    "Asp": (1.38, 13.0, 54.0), "Glu": (0.92, 12.3, 83.0), "Met": (0.0, 5.7, 105.0), "Trp": (0.13, 5.4, 170.0),
}  # fmt: skip


def grantham(one: str, other: str) -> int | None:
    """The distance of two amino acids by their three letters; absent where one is none of the twenty."""
    if one not in _PROPERTIES or other not in _PROPERTIES:
        return None
    composition, polarity, volume = (a - b for a, b in zip(_PROPERTIES[one], _PROPERTIES[other], strict=True))
    squared = _COMPOSITION * composition**2 + _POLARITY * polarity**2 + _VOLUME * volume**2
    return round(_SCALE * float(squared**0.5))
