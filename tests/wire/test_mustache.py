"""Mustache templates over texts."""

import time

import pytest
from hypothesis import given
from hypothesis import strategies as st

from heliograph.wire import cxml, mustache

VALUES = {"From": "+12025550101", "Body": "a < b & 'c' \"d\"", "Empty": "", "Url": "https://a.example/?b=1&c=2"}


@pytest.mark.parametrize(
    ("source", "rendered"),
    [
        ("no tags, } nor { count", "no tags, } nor { count"),
        ("Hi {{From}}!", "Hi +12025550101!"),
        ("{{ From }}{{From}}", "+12025550101+12025550101"),
        ("{{Body}}", "a &lt; b &amp; &#39;c&#39; &quot;d&quot;"),
        ("{{{Url}}}|{{& Url}}|{{&Url}}", "|".join(["https://a.example/?b=1&c=2"] * 3)),
        ("[{{Empty}}][{{Missing}}]", "[][]"),
        ("{{from}}", ""),
        ("{{#From}}from {{.}}{{/From}}{{^From}}nobody{{/From}}", "from +12025550101"),
        ("{{#Empty}}x{{/Empty}}{{^Empty}}y{{.}}{{/Empty}}{{^Missing}}z{{/Missing}}", "yz"),
        ("{{#From}}{{#Empty}}x{{/Empty}}{{#Body}}{{From}}{{/Body}}{{/From}}", "+12025550101"),
        ("{{#From}}{{^Empty}}{{.}}{{/Empty}}{{/From}}", "+12025550101"),
        ("{{#Missing}}{{#From}}x{{/From}}{{/Missing}}y", "y"),
        ("a{{! nothing }}b", "ab"),
        ("a{{>partial}}b", "ab"),
        ("{{=<% %>=}}<% From %>{{From}}<%={{ }}=%>{{From}}", "+12025550101{{From}}+12025550101"),
        ("a\n  {{#From}}  \nb\n{{/From}}\nc", "a\nb\nc"),
        ("a {{#From}}\nb{{/From}}\nc", "a \nb\nc"),
        ("{{! first }}\n<Response/>", "<Response/>"),
    ],
)
def test_what_becomes_of_a_template(source: str, rendered: str) -> None:
    assert mustache.render(mustache.parse(source), VALUES, 1000) == rendered


@pytest.mark.parametrize(
    "source",
    [
        "{{From",
        "{{{From}}",
        "{{#a}}",
        "{{#a}}{{/b}}",
        "{{/a}}",
        "{{}}",
        "{{a b}}",
        "{{#a}}{{#b}}{{/a}}{{/b}}",
        "{{=a=}}",
    ],
)
def test_what_is_no_template(source: str) -> None:
    with pytest.raises(mustache.MustacheError):
        mustache.parse(source)


def test_what_xml_cannot_hold_is_left_out() -> None:
    assert mustache.escape("a\0\x0b\x0c\x1b\ufffe\ud800b\t\n😀") == "ab\t\n😀"


@given(st.text())
def test_no_value_breaks_a_document_or_adds_to_it(text: str) -> None:
    template = mustache.parse('<Response><Message to="{{x}}">{{x}}</Message></Response>')
    (verb,) = cxml.parse(mustache.render(template, {"x": text}, 10**6).encode("utf-8")).verbs
    assert isinstance(verb, cxml.MessageVerb)
    assert verb.media == ()


@given(st.text(alphabet="{}#^/!=>&ab. \n", max_size=60))
def test_any_text_is_a_template_or_refused(source: str) -> None:
    try:
        template = mustache.parse(source)
    except mustache.MustacheError:
        return
    assert isinstance(mustache.render(template, {"a": "1", "b": ""}, 10_000), str)


def test_the_size_is_bounded_whatever_the_values() -> None:
    template = mustache.parse("{{x}}" * 1000)
    assert len(mustache.render(template, {"x": "y" * 10}, 10_000)) == 10_000
    with pytest.raises(mustache.RenderedTooLarge):
        mustache.render(template, {"x": "y" * 11}, 10_000)


def test_a_deep_template_takes_no_recursion_and_little_time() -> None:
    depth = 5000
    begun = time.perf_counter()
    template = mustache.parse("{{#a}}" * depth + "x" + "{{/a}}" * depth)
    assert mustache.render(template, {"a": "1"}, 10) == "x"
    assert mustache.render(template, {}, 10) == ""
    assert time.perf_counter() - begun < 2


def test_a_long_value_that_comes_to_nothing_is_escaped_once(monkeypatch: pytest.MonkeyPatch) -> None:
    """Whoever asks for a script chooses its values: a megabyte of control characters, for each of 10,000 tags."""
    asked: list[str] = []
    escape = mustache.escape

    def watched(text: str) -> str:
        asked.append(text)
        return escape(text)

    monkeypatch.setattr(mustache, "escape", watched)
    template = mustache.parse("{{a}}{{#a}}{{.}}{{b}}{{/a}}" * 1000)
    assert mustache.render(template, {"a": "\x01" * 1000, "b": "<"}, 10_000) == "&lt;" * 1000
    assert asked == ["\x01" * 1000, "<"]
