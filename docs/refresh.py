"""Write the generated parts of the documentation's pages anew, and compatibility.md: python docs/refresh.py

Run it after a setting, an error code, a state, an endpoint, a fault of the torture carrier or the conformance list has
changed; tests fail until then.
"""

import importlib
import sys
from pathlib import Path

from heliograph.api import families
from heliograph.api.system import generated, pages
from heliograph.torture import faults

ROOT = Path(__file__).parents[1]
FOLDER = ROOT / "src" / "heliograph" / "pages"
CONFORMANCE = ROOT / "tests" / "conformance"


def main() -> None:
    """Refresh every page in place."""
    makers = {
        **generated.MAKERS,
        "endpoints": lambda: generated.endpoints(families.all_routes()),
        "faults": faults.markdown,
    }
    for slug in pages.SLUGS:
        file = FOLDER / f"{slug}.md"
        _write(file, generated.refreshed(file.read_text("utf-8"), makers))
    sys.path.insert(0, str(CONFORMANCE))
    listing = importlib.import_module("listing")
    _write(listing.PAGE, listing.markdown())


def _write(file: Path, text: str) -> None:
    if not file.exists() or file.read_text("utf-8") != text:
        file.write_text(text, "utf-8")
        print(f"{file.name}: refreshed")


if __name__ == "__main__":
    main()
