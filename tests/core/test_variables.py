"""What is wrong with custom variables is told all at once."""

from heliograph.core.variables import VARIABLES_MAX, variable_faults


def test_sound_ones_have_no_faults() -> None:
    assert list(variable_faults({f"v{index}": "x" * 1024 for index in range(VARIABLES_MAX)})) == []
    assert list(variable_faults(None)) == list(variable_faults({})) == []


def test_every_kind_of_fault_is_told_once_and_together() -> None:
    many: dict[str, object] = {f"v{index}": "x" for index in range(VARIABLES_MAX)}
    wrong = {"1a": "x", "2b": "x", "sw_x": "x", "empty": "", "number": 1, "long": "\u00e9" * 513}
    found = list(variable_faults(many | wrong))
    assert sorted(fault.name for fault in found) == [
        "TOO_MANY_VARIABLES",
        "VARIABLE_NAME",
        "VARIABLE_RESERVED",
        "VARIABLE_TOO_LONG",
        "VARIABLE_VALUE",
    ]
