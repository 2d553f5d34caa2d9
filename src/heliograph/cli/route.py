"""`heliograph route explain`: which carrier a message would go to, and why."""

from dataclasses import dataclass
from typing import Any

import click

from heliograph.cli import carriers, output, stores
from heliograph.cli.options import Call, common
from heliograph.config import Config
from heliograph.core import numbers
from heliograph.core.directory import Project
from heliograph.core.message import Kind
from heliograph.core.pricing import to_number
from heliograph.core.routing import Availability, Candidate, Facts, Router, Verdict
from heliograph.core.texts import quoted


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
    facts = _facts(deployment.config, numbers.typed(from_number), recipient, project, Kind(kind))
    state = _state(deployment.config)
    router = deployment.topology.router()
    output.result(call.as_json, *_explained(router, facts, state))


def _facts(config: Config, from_number: str, to_number: str, wanted: str | None, kind: Kind) -> Facts:
    """Rules may name a project by its id or its name. Without a store what was given stands for both."""
    project_id = project_name = wanted or ""
    found = _project(config, from_number, wanted)
    if found is not None:
        project_id, project_name = found.id, found.name
    return Facts(
        from_number=from_number, to_number=to_number, project_id=project_id, project_name=project_name, kind=kind
    )


def _project(config: Config, from_number: str, wanted: str | None) -> Project | None:
    try:
        directory = stores.snapshot(config)
    except output.Failure:
        return None
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


def _explained(router: Router, facts: Facts, state: State) -> tuple[dict[str, Any], str]:
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
    project = facts.project_name or "no project"
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
