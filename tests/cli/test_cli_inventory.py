"""`heliograph number import` and `heliograph number available`."""

from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from memory_store import MemoryStore

HEADER = "number,region,City,rate_center,capabilities,remark\n"


@pytest.fixture
def import_csv(cli: Any, data: Path, tmp_path: Path) -> Callable[..., Any]:
    """Imports a file with this text into a new deployment."""
    cli("init", "--data", data)

    def run(text: str, *more: str) -> Any:
        return cli("number", "import", written(tmp_path, text), "--data", data, *more)

    return run


def written(folder: Path, text: str) -> str:
    file = folder / "numbers.csv"
    file.write_text(text, "utf-8")
    return str(file)


def test_a_csv_file_fills_the_inventory(
    import_csv: Callable[..., Any], cli: Any, data: Path, store: MemoryStore
) -> None:
    text = "\ufeff" + HEADER + '+12065550142,wa,"Seattle, WA",SEATTLE,sms mms,x\n\n +18005550142 ,,,,\n+447700900123\n'
    store.free.clear()
    outcome = import_csv(text, "--json")
    assert (outcome.code, outcome.json) == (0, {"imported": 3})
    seattle, toll_free, british = store.free.values()
    assert (seattle.region, seattle.city, seattle.rate_center) == ("WA", "Seattle, WA", "SEATTLE")
    assert (seattle.capabilities, seattle.national, seattle.country) == (("sms", "mms"), "2065550142", "US")
    assert (toll_free.kind, toll_free.city, toll_free.capabilities) == (
        "toll-free",
        None,
        ("voice", "sms", "mms", "fax"),
    )
    assert (british.country, british.kind) == ("GB", "local")
    listed = cli("number", "available", "--country", "us", "--area-code", "206", "--data", data, "--json").json[
        "numbers"
    ]
    assert [each["number"] for each in listed] == ["+12065550142"]
    assert "+18005550142" in cli("number", "available", "--toll-free", "--data", data).out


@pytest.mark.parametrize(
    ("text", "told"),
    [
        ("", "no column `number`"),
        ("phone\n+12065550142\n", "no column `number`"),
        (HEADER + "+12065550142\n12065550143,WA\n,\n,TX\n", ":3: '12065550143' is no E.164 number"),
        (HEADER + "+12065550142,,,,smoke\n", "unknown capabilities (smoke)"),
        (HEADER + '"+12065550142\n', "can't be read as CSV"),
        (HEADER + f"+12065550142,{'x' * 65}\n", "has a region that is not"),
        (HEADER.replace("City", "lata") + "+12065550142,WA,\x1b[31m\n", "has a lata that is not"),
    ],
)
def test_a_file_with_a_fault_is_refused_whole(
    import_csv: Callable[..., Any], store: MemoryStore, text: str, told: str
) -> None:
    before = dict(store.free)
    outcome = import_csv(text)
    assert outcome.code == 2
    assert told in outcome.err
    assert store.free == before
