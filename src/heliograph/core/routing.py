"""Which carrier a message goes to, and why.

A rule holds for a message that fits all that it names. Among the rules that hold, in this order:

1. a lower priority number is tried first;
2. then the rule that says more of the recipient: the longest prefix that matches. A country stands between a prefix of
   three digits, the longest calling code, and one of four; the prefix and the country of one rule count as the greater;
3. rules that are alike so far are one group. Where any of them has a weight, chance puts them in order by weight (one
   without counts 1, those of weight 0 come last), and a rule's own carriers follow by cost. Where none has, all their
   carriers together follow by cost: the price of the longest prefix in the rates. No price comes after every price;
4. last, the order of the rules, and of the carriers in a rule.

A carrier counts where it comes first. Then those that are throttled move behind the others, and those that are down
behind those. Without rules every carrier serves everything, by cost, then in the order given. A carrier takes only
certain kinds; for others it is passed over.

Rules are compiled once. What they say of a message depends on few leading digits and little else, and is kept under
that; per message remain a look-up, the carriers' state, and the chance.
"""

from collections import defaultdict
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from enum import Enum
from typing import Final

from msgspec import Struct

from heliograph.core import numbers, pricing
from heliograph.core.message import Kind

PLANS_MAX: Final = 20_000
"""Answers of the rules that are kept, some 20 MB at most; at the bound all are forgotten and made again."""

_COUNTRY_WEIGHS: Final = 7
"""What a country says of a number, in half digits of a prefix: between three digits and four."""


class Availability(Enum):
    """Whether a carrier takes messages now. A carrier that nothing is known of counts as up."""

    UP = "up"
    THROTTLED = "throttled"
    DOWN = "down"


@dataclass(frozen=True, slots=True, kw_only=True)
class Rule:
    """Prefixes are digits without a +, of the recipient; those of senders are as senders are written. `project` is an
    id, never a name: tenants choose those. `project_shown` is what the config file calls it, for people."""

    carriers: tuple[str, ...]
    prefixes: tuple[str, ...] = ()
    countries: tuple[str, ...] = ()
    sender_prefixes: tuple[str, ...] = ()
    project: str | None = None
    project_shown: str | None = None
    kind: Kind | None = None
    priority: int = 10
    weight: int | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Rate:
    """A segment's price to numbers with a prefix (digits), "" for all."""

    carrier: str
    prefix: str
    price_micros: int


class Facts(Struct, frozen=True, kw_only=True):
    """What a message is routed by. The country is the recipient's number's."""

    from_number: str
    to_number: str
    project_id: str
    kind: Kind = Kind.SMS


class Candidate(Struct, frozen=True, kw_only=True):
    """A carrier to try. `rule` counts from 1, None where there are no rules. `reason` is for people."""

    carrier: str
    rule: int | None
    cost_micros: int | None
    reason: str
    availability: Availability = Availability.UP


class Verdict(Struct, frozen=True, kw_only=True):
    """What one rule says of a message: whether it holds, and why not."""

    rule: int
    carriers: tuple[str, ...]
    holds: bool
    why: str


class _Group(Struct, frozen=True):
    """Candidates in their order; or with weights, each with those of one rule."""

    candidates: tuple[Candidate, ...] = ()
    weighted: tuple[tuple[int, tuple[Candidate, ...]], ...] = ()


class _Plan(Struct, frozen=True):
    """What the rules say: all in order where chance has no part, else groups."""

    order: tuple[Candidate, ...]
    groups: tuple[_Group, ...] = ()


class Router:
    """The rules of a deployment."""

    def __init__(self, rules: Sequence[Rule], rates: Sequence[Rate], carriers: Mapping[str, frozenset[Kind]]) -> None:
        """`carriers`: what kinds each takes, in their order. Raises ValueError for a rule of another."""
        unknown = {name for rule in rules for name in rule.carriers}.difference(carriers)
        if unknown:
            raise ValueError(f"no carrier is called {', '.join(sorted(unknown))}")
        self._rules = tuple(rules)
        self._carriers = dict(carriers)
        self._prices = _prices(rates)
        self._by_prefix: dict[str, list[int]] = defaultdict(list)
        for place, rule in enumerate(rules):
            for prefix in rule.prefixes or ("",):
                self._by_prefix[prefix].append(place)
        # how much of a message the rules look at: all that a plan depends on
        lengths = [len(prefix) for prefix in self._by_prefix]
        lengths += [len(prefix) for prices in self._prices.values() for prefix in prices]
        self._digits = max(lengths, default=0)
        self._prefix_lengths = sorted({len(prefix) for prefix in self._by_prefix})
        self._sender = max((len(prefix) for rule in rules for prefix in rule.sender_prefixes), default=0)
        self._by_project = any(rule.project is not None for rule in rules)
        self._by_country = any(rule.countries for rule in rules)
        self._plans: dict[tuple[str, str, str, Kind, str | None], _Plan] = {}

    def candidates(
        self, facts: Facts, states: Mapping[str, Availability], chance: float | None
    ) -> tuple[Candidate, ...]:
        """The carriers to try, in their order; none where no rule holds. `chance` lies from 0 to below 1; None: the
        heaviest first."""
        plan = self._plan(facts)
        order = _chosen(plan.groups, chance) if plan.groups else plan.order
        for candidate in order:
            if states.get(candidate.carrier, Availability.UP) is not Availability.UP:
                return _by_availability(order, states)
        return order

    def verdicts(self, facts: Facts) -> list[Verdict]:
        """What each rule says, in their order."""
        country = numbers.country_of(facts.to_number)
        return [self._verdict(place, rule, facts, country) for place, rule in enumerate(self._rules)]

    # -- plans

    def _plan(self, facts: Facts) -> _Plan:
        digits = _digits(facts.to_number)
        country = numbers.country_of(facts.to_number) if self._by_country else None
        key = (
            digits[: self._digits],
            facts.from_number[: self._sender],
            facts.project_id if self._by_project else "",
            facts.kind,
            country,
        )
        plan = self._plans.get(key)
        if plan is None:
            if len(self._plans) >= PLANS_MAX:
                self._plans.clear()
            plan = self._plans[key] = self._made(facts, digits, country)
        return plan

    def _made(self, facts: Facts, digits: str, country: str | None) -> _Plan:
        if not self._rules:
            every = [self._candidate(name, None, "", digits) for name in self._taking(self._carriers, facts.kind)]
            return _Plan(tuple(sorted(every, key=_cost)))
        groups = [self._group(alike, digits, facts.kind) for alike in self._alike(facts, digits, country)]
        if any(group.weighted for group in groups):
            return _Plan((), tuple(groups))
        return _Plan(_firsts([candidate for group in groups for candidate in group.candidates]))

    def _alike(self, facts: Facts, digits: str, country: str | None) -> list[list[tuple[int, str]]]:
        """The rules that hold, those alike together, each with the prefix by which it holds."""
        found: dict[tuple[int, int], list[tuple[int, str]]] = defaultdict(list)
        for place, prefix in sorted(self._by_number(digits).items()):
            rule = self._rules[place]
            if self._taking(rule.carriers, facts.kind) and _why_not(rule, facts, country) is None:
                weighs = max(2 * len(prefix), _COUNTRY_WEIGHS if rule.countries else 0)
                found[rule.priority, -weighs].append((place, prefix))
        return [found[rank] for rank in sorted(found)]

    def _by_number(self, digits: str) -> dict[int, str]:
        """The rules whose prefix matches, each with its longest that does."""
        found: dict[int, str] = {}
        for length in self._prefix_lengths:
            prefix = digits[:length]
            if len(prefix) == length:
                found.update(dict.fromkeys(self._by_prefix.get(prefix, ()), prefix))
        return found

    def _group(self, alike: Sequence[tuple[int, str]], digits: str, kind: Kind) -> _Group:
        weights = [self._rules[place].weight for place, _ in alike]
        if all(weight is None for weight in weights):
            return _Group(
                tuple(sorted((c for place, prefix in alike for c in self._of(place, prefix, digits, kind)), key=_cost))
            )
        share = [1 if weight is None else weight for weight in weights]
        return _Group(
            weighted=tuple(
                (weight, tuple(sorted(self._of(place, prefix, digits, kind, (weight, sum(share))), key=_cost)))
                for weight, (place, prefix) in zip(share, alike, strict=True)
            )
        )

    def _of(
        self, place: int, prefix: str, digits: str, kind: Kind, share: tuple[int, int] | None = None
    ) -> list[Candidate]:
        rule = self._rules[place]
        why = _words(rule, prefix) + (f", weight {share[0]} of {share[1]}" if share else "")
        return [self._candidate(name, place + 1, why, digits) for name in self._taking(rule.carriers, kind)]

    def _candidate(self, name: str, number: int | None, why: str, digits: str) -> Candidate:
        cost = self._price(name, digits)
        if number is None and cost is None:
            reason = "no routes are configured"
        else:
            rule = "no routes are configured" if number is None else f"rule {number}: {why}"
            reason = f"{rule}; {'no price' if cost is None else f'cost {_usd(cost)}'}"
        return Candidate(carrier=name, rule=number, cost_micros=cost, reason=reason)

    def _taking(self, names: Sequence[str] | Mapping[str, object], kind: Kind) -> list[str]:
        return [name for name in names if kind in self._carriers[name]]

    def _price(self, carrier: str, digits: str) -> int | None:
        prices = self._prices.get(carrier)
        if prices is None:
            return None
        for length in range(min(len(digits), self._digits), -1, -1):
            price = prices.get(digits[:length])
            if price is not None:
                return price
        return None

    def _verdict(self, place: int, rule: Rule, facts: Facts, country: str | None) -> Verdict:
        digits = _digits(facts.to_number)
        matched = [prefix for prefix in rule.prefixes or ("",) if digits.startswith(prefix)]
        if not matched:
            why: str | None = f"the number starts with none of {', '.join(f'+{prefix}' for prefix in rule.prefixes)}"
        elif not self._taking(rule.carriers, facts.kind):
            why = f"its carriers take no {facts.kind.upper()}"
        else:
            why = _why_not(rule, facts, country)
        words = why or _words(rule, max(matched, key=len))
        return Verdict(rule=place + 1, carriers=rule.carriers, holds=why is None, why=words)


def _digits(number: str) -> str:
    """What prefixes are compared with. A number that is not E.164, such as 988, starts with no prefix: it is no number
    of the country whose code it happens to begin with."""
    return number[1:] if numbers.is_e164(number) else f"#{number}"


def _prices(rates: Sequence[Rate]) -> dict[str, dict[str, int]]:
    prices: dict[str, dict[str, int]] = defaultdict(dict)
    for rate in rates:
        prices[rate.carrier][rate.prefix] = rate.price_micros
    return dict(prices)


def _why_not(rule: Rule, facts: Facts, country: str | None) -> str | None:
    """What of a rule, but for its prefixes, does not fit; None where all does."""
    if rule.countries and country not in rule.countries:
        return f"the number's country is {country or 'unknown'}, not {' or '.join(rule.countries)}"
    if rule.sender_prefixes and not facts.from_number.startswith(rule.sender_prefixes):
        return f"the sender starts with none of {', '.join(rule.sender_prefixes)}"
    if rule.project not in (None, facts.project_id):
        return f"the project is not {rule.project_shown or rule.project}"
    if rule.kind is not None and rule.kind is not facts.kind:
        return f"it is for {rule.kind.upper()}"
    return None


def _words(rule: Rule, prefix: str) -> str:
    """Why a rule holds."""
    said = [f"prefix +{prefix}"] if prefix else []
    said += [f"country {' or '.join(rule.countries)}"] if rule.countries else []
    said += [f"sender {' or '.join(rule.sender_prefixes)}"] if rule.sender_prefixes else []
    said += [f"project {rule.project_shown or rule.project}"] if rule.project is not None else []
    said += [rule.kind.upper()] if rule.kind is not None else []
    return ", ".join([*(said or ["every message"]), f"priority {rule.priority}"])


def _usd(micros: int) -> str:
    """Dollars with at least four decimals and no more than there are."""
    whole, fraction = divmod(micros, pricing.MICROS_PER_USD)
    text = f"{fraction:06}"
    return f"{whole}.{text[:4]}{text[4:].rstrip('0')}"


def _cost(candidate: Candidate) -> tuple[bool, int]:
    return candidate.cost_micros is None, candidate.cost_micros or 0


def _firsts(candidates: Sequence[Candidate]) -> tuple[Candidate, ...]:
    """Each carrier where it comes first."""
    first: dict[str, Candidate] = {}
    for candidate in candidates:
        first.setdefault(candidate.carrier, candidate)
    return tuple(first.values())


def _chosen(groups: Sequence[_Group], chance: float | None) -> tuple[Candidate, ...]:
    order: list[Candidate] = []
    for group in groups:
        if group.weighted:
            order += _drawn(group.weighted, chance)
        else:
            order += group.candidates
    return _firsts(order)


def _drawn(rules: Sequence[tuple[int, tuple[Candidate, ...]]], chance: float | None) -> list[Candidate]:
    """The rules' candidates, rule after rule as chance has it. One number does for all draws: what it lies above the
    start of the drawn rule's share, over that share, is as good as a new one."""
    last = [candidate for weight, some in rules if weight == 0 for candidate in some]
    left = [each for each in rules if each[0] > 0]
    if chance is None:
        left.sort(key=lambda each: -each[0])
        return [candidate for _, some in left for candidate in some] + last
    order: list[Candidate] = []
    while left:
        point = chance * sum(weight for weight, _ in left)
        place = 0
        while point >= left[place][0] and place < len(left) - 1:
            point -= left[place][0]
            place += 1
        weight, some = left.pop(place)
        order += some
        chance = min(point / weight, 1.0)
    return order + last


_MOVED: Final = {Availability.UP: 0, Availability.THROTTLED: 1, Availability.DOWN: 2}


def _by_availability(order: Sequence[Candidate], states: Mapping[str, Availability]) -> tuple[Candidate, ...]:
    told = [_told(candidate, states.get(candidate.carrier, Availability.UP)) for candidate in order]
    return tuple(sorted(told, key=lambda candidate: _MOVED[candidate.availability]))


def _told(candidate: Candidate, availability: Availability) -> Candidate:
    if availability is Availability.UP:
        return candidate
    return Candidate(
        carrier=candidate.carrier,
        rule=candidate.rule,
        cost_micros=candidate.cost_micros,
        reason=f"{candidate.reason}; {availability.value}",
        availability=availability,
    )
