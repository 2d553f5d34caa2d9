"""Segmentation against npm ``sms-segments-calculator``, the vendor's own, over seeded random bodies.

The alphabets keep to what both know: the calculator finds clusters by Unicode 10. Where it deviates from the contract
on purpose or by fault, a test of its own pins both answers.
"""

import json
import random
import runpy
from pathlib import Path

import pytest

from heliograph.core import segments

CLIENTS = Path(__file__).parent.parent / "clients"
CALCULATOR = CLIENTS / "node" / "node_modules" / "sms-segments-calculator"

# Reads a JSON list of bodies; prints a list of [encoding, number of segments]. Smart encoding is off.
SCRIPT = """
const { SegmentedMessage } = require(process.argv[2]);
const bodies = JSON.parse(require("fs").readFileSync(0, "utf8"));
const answers = bodies.map((body) => {
  const message = new SegmentedMessage(body, "auto", false);
  return [message.encodingName, message.segmentsCount];
});
console.log(JSON.stringify(answers));
"""

SEED = 20_260_801
BODIES_PER_MIX = 500

BASIC = tuple(segments.GSM_BASIC.replace(segments.ESCAPE, "").replace("\r", ""))
EXTENSION = tuple(segments.GSM_EXTENSION)
ACCENTS = tuple("\u00ea\u00e1\u00ed\u00e7\u0142\u0159\u2019\u201c\u2026\u2014\u00a0`\t")
COMBINING = ("e\u0301", "n\u0303", "a\u0323\u0302", "\u0928\u093f", "\u0e01\u0e47", "\u1112\u1161\u11ab")
CJK = tuple("\u4e2d\u6587\u65e5\u672c\u8a9e\ud55c\uad6d\u3042\u30ab")
EMOJI = ("\U0001f600", "\U0001f44d\U0001f3fd", "\u2764\ufe0f", "1\ufe0f\u20e3", "\U0001f3f3\ufe0f\u200d\U0001f308")
FAMILIES = (
    "\U0001f468\u200d\U0001f469\u200d\U0001f467\u200d\U0001f466",
    "\U0001f469\u200d\u2764\ufe0f\u200d\U0001f468",
)
FLAGS = ("\U0001f1e8\U0001f1ed", "\U0001f1ef\U0001f1f5", "\U0001f1fa\U0001f1f8")

MIXES = {
    "basic": BASIC,
    "basic and CR": (*BASIC, "\r", "a", "b"),
    "basic and extension": BASIC + EXTENSION * 3,
    "extension": EXTENSION,
    "basic and a rare accent": BASIC * 8 + ACCENTS,
    "accents": ACCENTS + tuple("abc"),
    "combining": COMBINING + tuple("abc{"),
    "CJK": CJK,
    "emoji": EMOJI + tuple("abc "),
    "families": FAMILIES + tuple("a"),
    "flags": FLAGS + tuple("a"),
    "everything": BASIC[:20] + EXTENSION + ACCENTS + COMBINING + CJK + EMOJI + FAMILIES + FLAGS,
}


def calculate(bodies: list[str], directory: Path) -> list[tuple[str, int]]:
    """Ask the calculator, in one run of Node, for each body's encoding and number of segments."""
    assert CALCULATOR.is_dir(), "the calculator is not installed: run tests/clients/setup_clients.py"
    script = directory / "calculate.js"
    script.write_text(SCRIPT)
    # By path: the tests' directories are not packages.
    run_script = runpy.run_path(str(CLIENTS / "node_env.py"))["run_script"]
    run = run_script(script, str(CALCULATOR), stdin=json.dumps(bodies))
    assert run.returncode == 0, run.stderr
    return [(encoding, count) for encoding, count in json.loads(run.stdout)]


def random_bodies() -> list[str]:
    """Bodies of each mix, from empty to several segments, many of them about as long as one."""
    source = random.Random(SEED)
    bodies = []
    for glyphs in MIXES.values():
        for _ in range(BODIES_PER_MIX):
            length = source.choice((source.randint(0, 75), source.randint(140, 165), source.randint(0, 500)))
            body = "".join(source.choices(glyphs, k=length))
            # CR LF is where the calculator cuts and we don't; see below.
            bodies.append(body.replace("\r\n", "\n"))
    return bodies


def test_same_encoding_and_count(tmp_path: Path) -> None:
    bodies = random_bodies()
    ours = [(segmentation.encoding.value, segmentation.count) for segmentation in map(segments.segment, bodies)]
    different = [
        (body, mine, theirs)
        for body, mine, theirs in zip(bodies, ours, calculate(bodies, tmp_path), strict=True)
        if mine != theirs
    ]
    assert different == []
    # The comparison reached both encodings, and counts on both sides of each limit.
    assert {encoding for encoding, _ in ours} == {"GSM-7", "UCS-2"}
    assert {1, 2, 3, 4} <= {count for _, count in ours}


@pytest.mark.parametrize(
    ("body", "ours", "theirs"),
    [
        # CR LF is one grapheme cluster; the calculator cuts between them.
        pytest.param("x" * 152 + "\r\n" + "x" * 152, 3, 2, id="CR LF at the cut"),
        # A part of 99 code units does not exist; the calculator lets one cluster fill it.
        pytest.param("e" + "\u0301" * 199, 3, 2, id="cluster longer than a part"),
        # What it moves out of a first part to make room for the header, it never measures again: 66 + 4 units.
        pytest.param("xx" + "e" + "\u0301" * 65 + "\U0001f1e8\U0001f1ed", 3, 2, id="moved cluster overflows"),
        # Unicode 15.1 joins consonants across a virama; Unicode 10 did not.
        pytest.param("x" * 65 + "\u0915\u094d\u0937" + "x" * 65, 3, 2, id="conjunct"),
    ],
)
def test_where_the_calculator_deviates(body: str, ours: int, theirs: int, tmp_path: Path) -> None:
    [(_, calculated)] = calculate([body], tmp_path)
    assert (segments.count(body), calculated) == (ours, theirs)
