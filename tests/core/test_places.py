"""Our table of places against the library's, which is read as text: to load it would take seconds."""

import re
from pathlib import Path

import phonenumbers

from heliograph.core import places

LIBRARY = Path(phonenumbers.__file__).parent / "geodata"
AREA = re.compile(r"^ '1(\d{3})':\{.*'en': (?:u\()?'([^']+)'", re.MULTILINE)
TOWNS = {"IL": "Illinois", "CA": "California", "QC": "Quebec", "NY": "New York", "FL": "Florida"}
TOWNS |= {"PA": "Pennsylvania", "TX": "Texas", "ON": "Ontario"}
SPELT = {"British Colombia": "British Columbia", "Washington State": "Washington"}


def library() -> dict[str, str]:
    """Area codes of North America and their places; a town's by its state."""
    texts = (file.read_text("utf-8") for file in LIBRARY.glob("data*.py"))
    named = {code: name for text in texts for code, name in AREA.findall(text)}
    return {code: SPELT.get(name) or TOWNS.get(name[-2:], name) for code, name in named.items()}


def test_the_area_codes_are_the_librarys() -> None:
    known = library()
    assert len(known) > 400
    assert {code: places.area(code) for code in known} == known
    assert [code for code in map(str, range(200, 1000)) if places.area(code) and code not in known] == []


def test_every_country_of_the_numbering_plan_has_a_name() -> None:
    nameless = [code for code in phonenumbers.SUPPORTED_REGIONS if places.country(code) == code]
    assert nameless == []
    assert (places.country("CI"), places.country("ZZ")) == ("Côte d'Ivoire", "ZZ")
    assert places.is_country("GB") and not places.is_country("gb") and not places.is_country("001")


def test_a_code_of_no_state_has_none() -> None:
    for code in ("800", "555", "787", "", "21"):
        assert places.area(code) is None
