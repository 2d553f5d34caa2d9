"""Write the generated parts of the documentation's pages anew: python docs/refresh.py

Run it after a setting, an error code, a state, an endpoint or a fault of the torture carrier has changed; tests fail
until then.
"""

from pathlib import Path

from heliograph.api import families
from heliograph.api.system import generated, pages
from heliograph.torture import faults

FOLDER = Path(__file__).parents[1] / "src" / "heliograph" / "pages"


def main() -> None:
    """Refresh every page in place."""
    makers = {
        **generated.MAKERS,
        "endpoints": lambda: generated.endpoints(families.all_routes()),
        "faults": faults.markdown,
    }
    for slug in pages.SLUGS:
        file = FOLDER / f"{slug}.md"
        before = file.read_text("utf-8")
        after = generated.refreshed(before, makers)
        if after != before:
            file.write_text(after, "utf-8")
            print(f"{file.name}: refreshed")


if __name__ == "__main__":
    main()
