"""The languages that GSM 03.38 has tables of their own for, by name: 3GPP TS 23.038, section 6.2.1.2.4."""

from collections.abc import Mapping
from types import MappingProxyType
from typing import Final

LANGUAGES: Final[Mapping[str, int]] = MappingProxyType(
    {
        "turkish": 1,
        "spanish": 2,
        "portuguese": 3,
        "bengali": 4,
        "gujarati": 5,
        "hindi": 6,
        "kannada": 7,
        "malayalam": 8,
        "oriya": 9,
        "punjabi": 10,
        "tamil": 11,
        "telugu": 12,
        "urdu": 13,
    }
)
"""National language identifiers."""
