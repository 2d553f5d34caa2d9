"""`heliograph number import` and `heliograph number available`: the free numbers of the deployment.

A file is CSV with a header. Its column `number` is required; `region`, `city`, `rate_center`, `lata` and
`capabilities` (names with blanks between them) are read, others are passed over. A line that can't be read stops the
import before anything is kept, with every such line named.
"""

import csv
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import click

from heliograph.cli import output, stores
from heliograph.cli.options import Call, common
from heliograph.core import inventory
from heliograph.core.inventory import FreeNumber, Place, Search
from heliograph.net.clock import SystemClock

FAULTS_SHOWN = 20
SHOWN_MAX = 1000
_PLACE = ("region", "city", "rate_center", "lata")


@click.command("import")
@click.argument("file", metavar="FILE", type=click.Path(exists=True, dir_okay=False, path_type=Path))
@common
def import_numbers(call: Call, file: Path) -> None:
    """Put the numbers of a CSV file into the inventory, from which projects take theirs."""
    free, faults = _read(file)
    if faults:
        shown = "; ".join(faults[:FAULTS_SHOWN])
        more = f"; and {len(faults) - FAULTS_SHOWN} more" if len(faults) > FAULTS_SHOWN else ""
        raise output.Failure(f"nothing was imported: {shown}{more}", output.WRONG_USAGE)
    now = SystemClock().now()
    stores.run(call.config(), lambda store: store.stock(free, now))
    output.result(call.as_json, {"imported": len(free)}, f"{len(free)} numbers are imported.")


@click.command("available")
@click.option("--country", metavar="CC", help="Only numbers of this country.")
@click.option("--area-code", metavar="DIGITS", help="Only numbers of this area code.")
@click.option("--toll-free", is_flag=True, help="Toll-free numbers instead of local ones.")
@click.option("--limit", default=50, show_default=True, type=click.IntRange(1, SHOWN_MAX), help="Most to show.")
@common
def available(call: Call, country: str | None, area_code: str | None, toll_free: bool, limit: int) -> None:
    """List numbers that projects can take."""
    search = Search(
        country=country.upper() if country else None,
        kind=inventory.TOLL_FREE if toll_free else inventory.LOCAL,
        area_code=area_code,
        limit=limit,
    )
    found = stores.run(call.config(), lambda store: store.free_numbers(search))
    rows = [(n.number, n.country, n.region or "", n.city or "", ", ".join(n.capabilities)) for n in found]
    human = output.table(("NUMBER", "COUNTRY", "REGION", "CITY", "CAPABILITIES"), rows)
    output.result(call.as_json, {"numbers": [_as_values(number) for number in found]}, human)


def _read(file: Path) -> tuple[list[FreeNumber], list[str]]:
    """The numbers, and what is wrong with the file, a text for each line."""
    free: dict[str, FreeNumber] = {}
    faults: list[str] = []
    try:
        for place, given in _lines(file):
            try:
                number = _free(given)
            except ValueError as error:
                faults.append(f"{file}:{place}: {given.get('number') or 'no number'!r} {error}")
            else:
                free[number.number] = number
    except (OSError, UnicodeDecodeError, csv.Error) as error:
        raise output.Failure(f"{file} can't be read as CSV: {error}", output.WRONG_USAGE) from error
    return list(free.values()), faults


def _lines(file: Path) -> Iterator[tuple[int, dict[str, str]]]:
    """Each line with its place in the file, by the header's names in lower case."""
    with file.open(encoding="utf-8-sig", newline="") as opened:
        reader = csv.reader(opened, strict=True)
        header = [name.strip().lower() for name in next(reader, [])]
        if "number" not in header:
            raise output.Failure(f"{file}: the first line names no column `number`", output.WRONG_USAGE)
        for cells in reader:
            if any(cell.strip() for cell in cells):
                yield reader.line_num, {name: cell.strip() for name, cell in zip(header, cells, strict=False)}


def _free(given: dict[str, str]) -> FreeNumber:
    capabilities = inventory.chosen_capabilities(given.get("capabilities", "").replace(",", " ").split())
    place = {name: given.get(name) or None for name in _PLACE}
    return inventory.free_number(given.get("number", ""), Place(capabilities=capabilities, **place))


def _as_values(number: FreeNumber) -> dict[str, Any]:
    return {
        "number": number.number,
        "country": number.country,
        "kind": number.kind,
        "region": number.region,
        "city": number.city,
        "capabilities": list(number.capabilities),
    }
