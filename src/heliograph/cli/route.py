"""`heliograph route explain`: which carrier a message would go to, and why."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import click

from heliograph.carrier_config import Deployment
from heliograph.cli import carriers, output, stores
from heliograph.cli.options import Call, common
from heliograph.config import Config
from heliograph.core import numbers, route_projects
from heliograph.core.directory import Project, Snapshot
from heliograph.core.message import Kind
from heliograph.core.pricing import to_number
from heliograph.core.routing import Availability, Candidate, Facts, Router, Verdict
from heliograph.core.texts import quoted
from heliograph.ports import Store


@dataclass(frozen=True, slots=True, kw_only=True)
class State:
    """Of each carrier, and where that is known from; `unasked` says why it is not."""

    carriers: dict[str, Availability]
    unasked: str | None = None


@click.group()
def route() -> None:
    """Look into routing."""


@route.command()
@click.option("--from", "from_number", required=True, metavar="NUMBER", help="Who sends it.")
@click.option("--to", "to_number", required=True, metavar="NUMBER", help="Who receives it.")
@click.option("--project", metavar="PROJECT", help="Id or name; else the project that owns --from.")
@click.option(
    "--kind",
    type=click.Choice([kind.value for kind in Kind]),
    default=Kind.SMS.value,
    show_default=True,
    help="What is sent.",
)
@common
def explain(call: Call, from_number: str, to_number: str, project: str | None, kind: str) -> None:
    """Say which carrier a message would go to, and why.

    Reads the rules in the file that --config names; a server that runs on the data folder is asked which carriers
    are up. Nothing is sent. Of rules that share by weight the heaviest is shown first.
    """
    deployment = call.deployment()
    recipient = numbers.normalize_to(to_number)
    if recipient is None:
        reason = f"--to: {quoted(to_number)} is no phone number: {numbers.advice(to_number)}"
        raise output.Failure(reason, output.WRONG_USAGE)
    sender = _sender(deployment, numbers.typed(from_number), project)
    facts = Facts(
        from_number=numbers.typed(from_number), to_number=recipient, project_id=sender.project_id, kind=Kind(kind)
    )
    router = deployment.topology.router(sender.named)
    output.result(call.as_json, *_explained(router, facts, sender.name, _state(deployment.config)))


@dataclass(frozen=True, slots=True, kw_only=True)
class Sender:
    """The project that sends, and the ids of those that the routes name."""

    project_id: str
    name: str
    named: Mapping[str, str]


def _sender(deployment: Deployment, from_number: str, wanted: str | None) -> Sender:
    """Without a store, what was given and what the routes name are compared as they are."""
    named = deployment.topology.projects()
    try:
        directory, chosen = stores.run(deployment.config, _known)
    except output.Failure:
        return Sender(project_id=wanted or "", name=wanted or "no project", named={each: each for each in named})
    try:
        resolved = route_projects.resolve(named, directory.projects, chosen)
    except route_projects.UnresolvedProject as error:
        raise output.Failure(str(error)) from error
    found = _project(directory, from_number, wanted)
    return Sender(project_id=found.id if found else "", name=found.name if found else "no project", named=resolved)


async def _known(store: Store) -> tuple[Snapshot, dict[str, str]]:
    return await store.directory(), await store.route_projects()


def _project(directory: Snapshot, from_number: str, wanted: str | None) -> Project | None:
    if wanted is not None:
        return stores.project_wanted(directory.projects, wanted)
    owners = {number.project_id for number in directory.numbers if number.number == from_number}
    return next((project for project in directory.projects if project.id in owners), None)


def _state(config: Config) -> State:
    try:
        answer = carriers.ask(config)
    except output.Failure as failure:
        return State(carriers={}, unasked=str(failure))
    return State(carriers={each["name"]: carriers.availability(each) for each in answer["carriers"]})


def _explained(router: Router, facts: Facts, project: str, state: State) -> tuple[dict[str, Any], str]:
    """As JSON and for people."""
    candidates = router.candidates(facts, state.carriers, None)
    verdicts = router.verdicts(facts)
    country = numbers.country_of(facts.to_number)
    values = {
        "from": facts.from_number,
        "to": facts.to_number,
        "project_id": facts.project_id or None,
        "kind": facts.kind.value,
        "country": country,
        "carriers_asked": state.unasked is None,
        "candidates": [_candidate(each) for each in candidates],
        "rules": [
            {"rule": each.rule, "carriers": list(each.carriers), "holds": each.holds, "why": each.why}
            for each in verdicts
        ],
    }
    lines = [
        f"{facts.kind.upper()} from {facts.from_number} ({project}) to {facts.to_number} ({country or 'no country'})"
    ]
    lines += [f"{place}. {each.carrier}  {each.reason}" for place, each in enumerate(candidates, 1)]
    lines += [] if candidates else ["No carrier takes it: it would fail."]
    lines += ["", _rules(verdicts)] if verdicts else []
    lines += ["", f"Whether carriers are up is not known: {state.unasked}"] if state.unasked else []
    return values, "\n".join(lines)


def _candidate(candidate: Candidate) -> dict[str, Any]:
    cost = candidate.cost_micros
    return {
        "carrier": candidate.carrier,
        "rule": candidate.rule,
        "cost": None if cost is None else to_number(cost),
        "availability": candidate.availability.value,
        "reason": candidate.reason,
    }


def _rules(verdicts: list[Verdict]) -> str:
    rows = [(str(each.rule), ", ".join(each.carriers), "yes" if each.holds else "no", each.why) for each in verdicts]
    return output.table(("RULE", "CARRIERS", "HOLDS", "WHY"), rows)
