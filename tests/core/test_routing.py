"""The order of carriers: against the rules read one by one, and by examples."""

import random
from collections import Counter
from collections.abc import Sequence

import pytest
from hypothesis import given
from hypothesis import strategies as st

from heliograph.core import numbers, routing
from heliograph.core.message import Kind
from heliograph.core.routing import Availability, Candidate, Facts, Rate, Router, Rule

SMS = frozenset({Kind.SMS})
CARRIERS = {"a": SMS, "b": SMS, "c": SMS, "loopback": frozenset(Kind)}
TO = ["+447700900123", "+447911123456", "+12065550123", "+14165550123", "+33612345678", "988", "+988"]
SENDERS = ["+15551234567", "+15557654321", "12345", "ACME"]

prefixes = st.sampled_from(["4", "44", "4477", "447700900", "1", "1206", "33", "98"])
rules = st.builds(
    Rule,
    carriers=st.lists(st.sampled_from(list(CARRIERS)), min_size=1, max_size=3, unique=True).map(tuple),
    prefixes=st.lists(prefixes, max_size=2, unique=True).map(tuple),
    countries=st.lists(st.sampled_from(["GB", "US", "CA", "FR"]), max_size=2, unique=True).map(tuple),
    sender_prefixes=st.lists(st.sampled_from(["+1555", "+15551", "123", "AC"]), max_size=2, unique=True).map(tuple),
    project=st.sampled_from([None, None, "p1", "p2"]),
    kind=st.sampled_from([None, None, *Kind]),
    priority=st.sampled_from([5, 10]),
    weight=st.sampled_from([None, None, None, 0, 1, 3]),
)
rates = st.builds(
    Rate,
    carrier=st.sampled_from(list(CARRIERS)),
    prefix=st.one_of(st.just(""), prefixes),
    price_micros=st.sampled_from([0, 4000, 4100, 5000]),
)
facts = st.builds(
    Facts,
    from_number=st.sampled_from(SENDERS),
    to_number=st.sampled_from(TO),
    project_id=st.sampled_from(["p1", "p2"]),
    kind=st.sampled_from(list(Kind)),
)
states = st.dictionaries(st.sampled_from(list(CARRIERS)), st.sampled_from(list(Availability)))
chances = st.floats(0, 1, exclude_max=True)


def router(*wanted: Rule, prices: Sequence[Rate] = ()) -> Router:
    return Router(wanted, prices, CARRIERS)


def names(candidates: Sequence[Candidate]) -> list[str]:
    return [candidate.carrier for candidate in candidates]


def asked(to_number: str = "+447700900123", **more: str) -> Facts:
    return Facts(from_number="+15551234567", to_number=to_number, project_id="p1", **more)  # type: ignore[arg-type]


# -- against the rules, read one by one


def expected(wanted: Sequence[Rule], prices: Sequence[Rate], fact: Facts) -> list[str]:
    """The order where no rule has a weight, by the words of routing.py's docstring and nothing clever."""
    digits = fact.to_number[1:] if len(fact.to_number) > 5 else "none"
    found = []
    for place, rule in enumerate(wanted):
        fitting = [prefix for prefix in rule.prefixes if digits.startswith(prefix)]
        country = numbers.country_of(fact.to_number)
        if (
            (fitting or not rule.prefixes)
            and (country in rule.countries or not rule.countries)
            and (any(fact.from_number.startswith(s) for s in rule.sender_prefixes) or not rule.sender_prefixes)
            and rule.project in (None, fact.project_id)
            and rule.kind in (None, fact.kind)
        ):
            says = max([len(prefix) for prefix in fitting] + [3.5] * bool(rule.countries), default=0)
            for position, carrier in enumerate(rule.carriers):
                costs = [(len(r.prefix), r.price_micros) for r in prices if r.carrier == carrier]
                costs = [cost for cost in costs if any(digits.startswith(r.prefix) and len(r.prefix) == cost[0]
                         and r.carrier == carrier for r in prices)]  # fmt: skip
                cost = max(costs)[1] if costs else float("inf")
                if fact.kind in CARRIERS[carrier]:
                    found.append((rule.priority, -says, cost, place, position, carrier))
    return list(dict.fromkeys(each[-1] for each in sorted(found)))


one_price_each = st.lists(rates, max_size=8, unique_by=lambda rate: (rate.carrier, rate.prefix))


@given(st.lists(rules, max_size=8), one_price_each, facts, chances)
def test_without_weights_the_order_is_that_of_the_rules(
    wanted: list[Rule], prices: list[Rate], fact: Facts, chance: float
) -> None:
    plain = [
        Rule(**{name: getattr(rule, name) for name in Rule.__dataclass_fields__} | {"weight": None}) for rule in wanted
    ]
    got = names(router(*plain, prices=prices).candidates(fact, {}, chance))
    everywhere = [Rule(carriers=tuple(CARRIERS))]
    assert got == expected(plain or everywhere, prices, fact)


@given(st.lists(rules, max_size=8), one_price_each, st.lists(facts, max_size=20), chances)
def test_what_is_kept_is_what_would_be_made(
    wanted: list[Rule], prices: list[Rate], some: list[Facts], chance: float
) -> None:
    kept = router(*wanted, prices=prices)
    for fact in [*some, *some]:
        assert kept.candidates(fact, {}, chance) == router(*wanted, prices=prices).candidates(fact, {}, chance)


@given(st.lists(rules, min_size=1, max_size=8), one_price_each, facts, states, chances)
def test_candidates_come_from_rules_that_hold_each_once(
    wanted: list[Rule], prices: list[Rate], fact: Facts, state: dict[str, Availability], chance: float
) -> None:
    made = router(*wanted, prices=prices)
    candidates = made.candidates(fact, state, chance)
    verdicts = {verdict.rule: verdict for verdict in made.verdicts(fact)}
    assert len(set(names(candidates))) == len(candidates)
    for candidate in candidates:
        assert candidate.rule is not None
        assert verdicts[candidate.rule].holds
        assert candidate.carrier in wanted[candidate.rule - 1].carriers
        assert fact.kind in CARRIERS[candidate.carrier]
    held = {name for verdict in verdicts.values() if verdict.holds for name in verdict.carriers}
    assert {name for name in held if fact.kind in CARRIERS[name]} == set(names(candidates))


@given(st.lists(rules, max_size=8), facts, states, chances)
def test_availability_moves_and_keeps_the_order_otherwise(
    wanted: list[Rule], fact: Facts, state: dict[str, Availability], chance: float
) -> None:
    made = router(*wanted)
    moved, order = made.candidates(fact, state, chance), names(made.candidates(fact, {}, chance))
    rank = [Availability.UP, Availability.THROTTLED, Availability.DOWN]
    assert names(moved) == sorted(order, key=lambda name: rank.index(state.get(name, Availability.UP)))
    for candidate in moved:
        assert candidate.availability is state.get(candidate.carrier, Availability.UP)
        assert (candidate.availability.value in candidate.reason.split("; ")) == (
            candidate.availability is not Availability.UP
        )


@given(st.lists(st.integers(0, 9), min_size=1, max_size=4))
def test_weights_share_out_and_every_order_is_whole(weights: list[int]) -> None:
    carriers = list(CARRIERS)[: len(weights)]
    wanted = [Rule(carriers=(name,), weight=weight) for name, weight in zip(carriers, weights, strict=True)]
    made, total, draws = router(*wanted), sum(weights), 2000
    firsts: Counter[str] = Counter()
    for draw in range(draws):
        order = names(made.candidates(asked(), {}, (draw + 0.5) / draws))
        assert sorted(order) == sorted(carriers)
        firsts[order[0]] += 1
    if total:
        for name, weight in zip(carriers, weights, strict=True):
            assert firsts[name] == pytest.approx(draws * weight / total, abs=2)
    assert names(made.candidates(asked(), {}, None))[0] == carriers[weights.index(max(weights))]


def test_one_number_draws_all_places_fairly() -> None:
    """Weights 1, 1, 2: how often each order comes is the product of the shares of what is left."""
    made = router(*(Rule(carriers=(name,), weight=weight) for name, weight in (("a", 1), ("b", 1), ("c", 2))))
    dice, draws = random.Random(7), 40_000
    seen = Counter("".join(names(made.candidates(asked(), {}, dice.random()))) for _ in range(draws))
    shares = {"abc": 1 / 12, "acb": 1 / 6, "bac": 1 / 12, "bca": 1 / 6, "cab": 1 / 4, "cba": 1 / 4}
    assert {order: seen[order] / draws for order in shares} == pytest.approx(shares, abs=0.01)


# -- examples


def test_the_reason_is_told_in_words() -> None:
    made = router(
        Rule(carriers=("a",), priority=20),
        Rule(carriers=("b", "c"), prefixes=("44", "447"), sender_prefixes=("+1555",), project="p1"),
        prices=[Rate(carrier="b", prefix="44", price_micros=4000), Rate(carrier="b", prefix="", price_micros=123456)],
    )
    told = made.candidates(asked(), {"c": Availability.DOWN}, 0.5)
    assert [candidate.reason for candidate in told] == [
        "rule 2: prefix +447, sender +1555, project p1, priority 10; cost 0.0040",
        "rule 1: every message, priority 20; no price",
        "rule 2: prefix +447, sender +1555, project p1, priority 10; no price; down",
    ]
    assert made.candidates(asked("+33612345678"), {}, 0.5)[0].reason == "rule 1: every message, priority 20; no price"
    weighted = router(Rule(carriers=("a",), weight=3), Rule(carriers=("b",)), prices=[Rate(carrier="a", prefix="44",
                      price_micros=1_234_567)])  # fmt: skip
    first = weighted.candidates(asked(), {}, 0.0)[0]
    assert first.reason == "rule 1: every message, priority 10, weight 3 of 4; cost 1.234567"


def test_each_rule_says_why_it_does_not_hold() -> None:
    made = router(
        Rule(carriers=("a",), prefixes=("33", "1")),
        Rule(carriers=("a",), countries=("FR", "US")),
        Rule(carriers=("a",), sender_prefixes=("+1777",)),
        Rule(carriers=("a",), project="Other"),
        Rule(carriers=("loopback",), kind=Kind.MMS),
        Rule(carriers=("a",), countries=("GB",)),
    )
    assert [(verdict.holds, verdict.why) for verdict in made.verdicts(asked())] == [
        (False, "the number starts with none of +33, +1"),
        (False, "the number's country is GB, not FR or US"),
        (False, "the sender starts with none of +1777"),
        (False, "the project is not Other"),
        (False, "it is for MMS"),
        (True, "country GB, priority 10"),
    ]
    as_mms = Facts(from_number="1", to_number="+447700900123", project_id="p", kind=Kind.MMS)
    assert made.verdicts(as_mms)[5].why == "its carriers take no MMS"


def test_a_country_stands_between_its_code_and_an_area() -> None:
    made = router(
        Rule(carriers=("a",), prefixes=("1",)),
        Rule(carriers=("b",), countries=("CA",)),
        Rule(carriers=("c",), prefixes=("1416",)),
    )
    assert names(made.candidates(asked("+12065550123"), {}, 0)) == ["a"]
    assert names(made.candidates(asked("+16045550123"), {}, 0)) == ["b", "a"]
    assert names(made.candidates(asked("+14165550123"), {}, 0)) == ["c", "b", "a"]


def test_the_crisis_line_is_not_in_iran() -> None:
    made = router(Rule(carriers=("a",), prefixes=("98",)), Rule(carriers=("b",)))
    for line in ("988", "+988"):
        assert names(made.candidates(asked(line), {}, 0)) == ["b"]


def test_no_rule_no_carrier() -> None:
    assert router(Rule(carriers=("a",), prefixes=("33",))).candidates(asked(), {}, 0) == ()
    assert Router([], [], {}).candidates(asked(), {}, 0) == ()


def test_a_rule_of_an_unknown_carrier_is_refused() -> None:
    with pytest.raises(ValueError, match="no carrier is called x"):
        router(Rule(carriers=("x",)))


def test_what_is_kept_is_bounded(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(routing, "PLANS_MAX", 10)
    made = router(Rule(carriers=("a",), prefixes=("4477009001",)))
    for number in range(25):
        made.candidates(asked(f"+4477009{number:05}"), {}, 0)
        made.candidates(asked(f"+{number + 10}77009000"), {}, 0)
        assert len(made._plans) <= 10
