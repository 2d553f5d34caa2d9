from importlib.metadata import EntryPoint

import pytest

from heliograph.carriers import registry
from heliograph.carriers.no_route import NoRoute


@pytest.fixture(autouse=True)
def installed(monkeypatch: pytest.MonkeyPatch) -> None:
    targets = {
        "none": "heliograph.carriers.no_route:NoRoute",
        "broken": "heliograph.no_such_module:Carrier",
        "hollow": "heliograph.carriers.no_route:NoSuchCarrier",
    }
    monkeypatch.setattr(
        registry, "entry_points", lambda group: [EntryPoint(name, value, group) for name, value in targets.items()]
    )


def test_loads_what_the_entry_point_names() -> None:
    assert registry.load("none") is NoRoute


@pytest.mark.parametrize(
    ("name", "told"),
    [
        ("pigeon", "no carrier is called 'pigeon'; installed are: broken, hollow, none"),
        ("broken", "no_such_module"),
        ("hollow", "NoSuchCarrier"),
    ],
)
def test_says_what_is_wrong(name: str, told: str) -> None:
    with pytest.raises(registry.CarrierUnusable, match=told):
        registry.load(name)
