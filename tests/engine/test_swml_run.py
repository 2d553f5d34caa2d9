"""A document run step by step, with outcomes that the test makes up: it always ends, whatever it is."""

import json
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from heliograph.core import errors
from heliograph.core.placeholders import Scopes
from heliograph.engine import swml_handler, swml_run
from heliograph.engine.swml_run import Answered, AskUrl, HandOver, Note, Progress, Replied, SendReply, SwmlLimits
from heliograph.wire import swml_reader
from heliograph.wire.swml_reader import DocumentError

LIMITS = SwmlLimits(steps=100, requests=10, replies=10, request_seconds=5, seconds=60)
MESSAGE: dict[str, Any] = {"from": "+13125550142", "to": "+12025550102", "body": "Hello", "media": []}


class Ran:
    """A run, to its end: what it wanted done, and where it handed over to."""

    def __init__(self, document: Any, *outcomes: Replied | Answered, limits: SwmlLimits = LIMITS) -> None:
        self.progress = Progress(scopes=Scopes(message=MESSAGE), limits=limits)
        self.notes: list[Note] = []
        self.replies: list[SendReply] = []
        self.asked: list[AskUrl] = []
        self.handed_over: HandOver | None = None
        self._outcomes = list(outcomes)
        self._run(document)

    def _run(self, document: Any) -> None:
        steps = swml_run.run(swml_reader.parse(json.dumps(document).encode()), self.progress)
        outcome: Replied | Answered | None = None
        while True:
            try:
                effect = steps.send(outcome)
            except StopIteration as stopped:
                self.handed_over = stopped.value
                return
            outcome = self._outcome(effect)

    def _outcome(self, effect: swml_run.Effect) -> Replied | Answered | None:
        match effect:
            case Note():
                self.notes.append(effect)
                return None
            case SendReply():
                self.replies.append(effect)
                return self._next(Replied(message_id=f"id{len(self.replies)}"))
            case AskUrl():
                self.asked.append(effect)
                return self._next(Answered(result="success", text="there", status=200, body=b'{"a": "b"}'))

    def _next(self, usual: Replied | Answered) -> Replied | Answered:
        return self._outcomes.pop(0) if self._outcomes else usual

    @property
    def bodies(self) -> list[str | None]:
        return [each.content.body for each in self.replies]

    @property
    def details(self) -> list[str]:
        return [each.detail for each in self.notes]


def main(*steps: Any, **sections: Any) -> dict[str, Any]:
    return {"sections": {"main": list(steps), **sections}}


def test_the_variables_of_a_reply() -> None:
    refused = Replied(code=21211, word="swml_reply_invalid_to_number", text="No number.")
    shown = {"reply": "%{reply_result} %{vars.reply_message_id}"}
    ran = Ran(main({"reply": "a"}, shown, {"reply": "b"}, shown), Replied(message_id="x"), refused, refused, refused)
    assert ran.bodies == ["a", "queued x", "b", "failed "]
    assert ran.notes[1] == Note(
        kind="reply_refused",
        detail="main[1] reply: swml_reply_invalid_to_number: No number.",
        error_code=21211,
    )


def test_a_request_starts_without_the_answer_before_it() -> None:
    shown = {"reply": "%{request_result}|%{request_response_code}|%{request_response_body}|%{request_response.a}"}
    request = {"request": {"url": "http://a.example/%{request_response.a}", "body": "%{request_response_body}"}}
    saving = {"request": {**request["request"], "save_variables": True}}
    ran = Ran(
        main(saving, shown, request, shown, saving, shown, request, shown),
        Answered(result="success", text="", status=200, body=b'{"a": "b"}'),
        Replied(message_id="1"),
        Answered(result="failed", text="", status=500, body=b"[]"),
        Replied(message_id="2"),
        Answered(result="timeout", text=""),
        Replied(message_id="3"),
        Answered(result="success", text="", status=204, body=b""),
    )
    assert ran.bodies == ['success|200|{"a": "b"}|b', "failed|500|[]|", "timeout|||", "success|204||"]
    assert [each.url for each in ran.asked] == [f"http://a.example/{text}" for text in ("", "b", "", "")]
    assert [each.body for each in ran.asked] == [b"", b'{"a": "b"}', b"[]", b""]


@pytest.mark.parametrize(("timeout", "seconds"), [(None, 5), (0, 0), (2.5, 2.5), (5, 5), (60, 5)])
def test_a_timeout_is_at_most_the_limit(timeout: float | None, seconds: float) -> None:
    ran = Ran(main({"request": {"url": "u", "timeout": timeout}}))
    assert ran.asked[0].seconds == seconds


def test_run_with_more_replies_than_allowed_ends() -> None:
    limits = SwmlLimits(steps=100, requests=1, replies=2, request_seconds=5, seconds=60)
    ran = Ran(main({"reply": "a"}, {"reply": "b"}, {"reply": "c"}, {"reply": "d"}), limits=limits)
    assert ran.bodies == ["a", "b"]
    assert ran.details[-1] == "main[2] reply: swml_too_many_replies: more than 2 replies for one message"


def test_the_limits_are_those_of_the_whole_run() -> None:
    limits = SwmlLimits(steps=3, requests=1, replies=10, request_seconds=5, seconds=60)
    ran = Ran(main({"request": {"url": "u"}}, {"request": {"url": "u"}}, {"reply": "a"}, {"reply": "b"}), limits=limits)
    assert (len(ran.asked), ran.bodies) == (1, ["a"])
    assert ran.details[-1] == "main[3] reply: swml_too_many_steps: more than 3 steps for one message"
    assert ran.progress.scopes.vars["request_result"] == "limit_exceeded"


def test_params_are_the_section_s_and_vars_are_the_run_s() -> None:
    ran = Ran(
        main(
            {"execute": {"dest": "one", "params": {"a": "1", "deep": {"b": ["%{message.body}"]}}}},
            {"reply": "[%{params.a}] %{return_value} %{reply_message_id}"},
            {"transfer": {"dest": "http://a.example/ b", "method": "PUT", "params": {"c": "%{return_value}"}}},
            {"reply": "never"},
            one=[{"execute": {"dest": "two"}}, {"reply": "%{params.a} %{params.deep.b[0]}"}, {"return": "r"}],
            two=[{"reply": "[%{params.a}]"}, {"return": "unread"}],
        )
    )
    assert ran.bodies == ["[]", "1 Hello", "[] r id2"]
    assert ran.handed_over == HandOver(url="http://a.example/%20b", method="PUT", params={"c": "r"})
    assert ran.details[:3] == ["main[0] execute: one", "one[0] execute: two", "two[0] reply: id1"]
    assert ran.details[3] == "two[1] return: to one"


@pytest.mark.parametrize(("value", "text"), [(0, "0"), (False, "false"), ("", ""), ([], "[]"), (None, "")])
def test_what_is_returned(value: Any, text: str) -> None:
    ran = Ran(main({"execute": {"dest": "o"}}, {"reply": "<%{return_value}>"}, o=[{"return": value}]))
    assert ran.bodies == [f"<{text}>"]
    assert ("return_value" in ran.progress.scopes.vars) == (value is not None)


def test_the_end_of_a_section_takes_the_value_away() -> None:
    ran = Ran(
        main(
            {"execute": {"dest": "a"}},
            {"execute": {"dest": "b"}},
            {"reply": "<%{return_value}>"},
            a=[{"return": 1}],
            b=[],
        )
    )
    assert ran.bodies == ["<>"]


def test_goto_counts_for_each_time_that_its_section_runs() -> None:
    loop = [{"label": "l"}, {"reply": "x"}, {"goto": {"label": "l", "max": 1}}, {"reply": "never"}]
    ran = Ran(main({"execute": {"dest": "loop"}}, {"execute": {"dest": "loop"}}, loop=loop))
    assert ran.bodies == ["x"] * 4
    assert ran.details[3:5] == ["loop[1] reply: id2", "loop[2] goto: l: jumped 1 times, the section ends"]


def test_every_word_of_a_refusal_is_in_the_catalogue() -> None:
    assert set(swml_handler._WORDS.values()) < errors.SWML.keys()


def test_no_text_of_the_message_is_noted() -> None:
    ran = Ran(
        main(
            {"switch": {"variable": "message.body", "case": {"Hello": [{"reply": "%{message.body}"}]}}},
            {"execute": {"dest": "o", "params": {"a": "%{message.body}"}}},
            {"request": {"url": "http://a.example/%{message.body}"}},
            {"transfer": {"dest": "http://a.example/%{message.body}"}},
            o=[{"return": "%{message.body}"}],
        )
    )
    assert ran.details == [
        "main[0] switch: case 1",
        "main[0].case 1[0] reply: id1",
        "main[1] execute: o",
        "o[0] return: to main",
        "main[2] request: POST there: success",
        "main[3] transfer",
    ]


texts = st.sampled_from(["a", "b", "", "%{message.body}", "%{return_value}", "%{request_response}", "%{params.a}"])
params = st.dictionaries(st.sampled_from("ab"), texts | st.lists(texts, max_size=2), max_size=2)
sections_ = st.sampled_from(["main", "one", "two", "nowhere"])
labels = st.sampled_from(["a", "b"])
paths = st.sampled_from(["message.body", "return_value", "request_result", "params.a"])
leaf = st.one_of(
    st.builds(lambda text: {"reply": text}, texts),
    st.just({"receive": {}}),
    st.builds(lambda body, save: {"request": {"url": "u", "body": body, "save_variables": save}}, texts, st.booleans()),
    st.builds(lambda dest, given: {"execute": {"dest": dest, "params": given}}, sections_, params),
    st.builds(lambda label, most: {"goto": {"label": label, "max": most}}, labels, st.integers(0, 200)),
    st.builds(lambda value: {"return": value}, texts | st.none() | params),
    st.builds(lambda label: {"label": label}, labels),
    st.builds(
        lambda path, case, text: {"reply": {"switch": {"variable": path, "case": {case: text}}}}, paths, texts, texts
    ),
)
steps_ = st.recursive(
    st.lists(leaf, max_size=5),
    lambda inner: st.builds(
        lambda before, path, case, default: [
            *before,
            {"switch": {"variable": path, "case": {"Hello": case, "b": default}, "default": default}},
        ],
        st.lists(leaf, max_size=3),
        paths,
        inner,
        inner,
    ),
    max_leaves=6,
)


@settings(max_examples=300)
@given(st.fixed_dictionaries({"main": steps_, "one": steps_, "two": steps_}))
def test_every_run_ends_within_its_limits(sections: Any) -> None:
    try:
        ran = Ran({"sections": sections})
    except DocumentError:  # a label twice
        return
    assert ran.progress.steps <= LIMITS.steps
    assert len(ran.asked) <= LIMITS.requests
    assert len(ran.notes) <= LIMITS.steps + 1
    for note in ran.notes:
        if note.kind == "swml_fault":
            assert note is ran.notes[-1] and note.must
            assert note.detail.split(": ")[1] in errors.SWML


@pytest.mark.parametrize(
    "step",
    [
        {"request": {"url": "https://example.com", "headers": {f"h{n}": "%{params.long}" for n in range(300)}}},
        {"reply": {"body": "x", "media": ["%{params.long}"] * 300}},
        {"transfer": {"dest": "%{params.long}" * 4, "params": {"a": ["%{params.long}"] * 4}}},
    ],
    ids=["headers", "media", "transfer"],
)
def test_all_parameters_of_a_step_share_what_may_be_made(step: Any) -> None:
    """So that a document can't fill the memory by naming a long value in a thousand places."""
    inner = {"sections": {"main": [{"execute": {"dest": "a", "params": {"long": "x" * 40_000}}}], "a": [step]}}
    ran = Ran(inner)
    assert "swml_value_too_long" in ran.notes[-1].detail, ran.notes
    assert (ran.asked, ran.replies, ran.handed_over) == ([], [], None)


def test_the_placeholders_of_a_run_are_bounded_over_all_its_steps() -> None:
    """So that one inbound message can't take the server's core for seconds."""
    loop = {"sections": {"main": [{"label": "a"}, {"execute": {"dest": "b"}}, {"goto": {"label": "a"}}]}}
    loop["sections"]["b"] = [{"return": "%{a}" * 10_000}]
    ran = Ran(loop)
    assert "swml_value_too_long" in ran.notes[-1].detail
    assert ran.progress.steps < 10


def test_a_large_object_is_not_compared_at_every_step() -> None:
    switch = {"switch": {"variable": "request_response", "case": {}, "default": []}}
    request = {"request": {"url": "https://example.com", "save_variables": True}}
    answer = Answered(result="success", text="there", status=200, body=json.dumps([1] * 20_000).encode())
    ran = Ran({"sections": {"main": [request, *[switch] * 90]}}, answer)
    assert "swml_value_too_long" in ran.notes[-1].detail
    assert ran.progress.steps < 40
