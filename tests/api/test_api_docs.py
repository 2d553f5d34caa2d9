"""The documentation: whole, current, and served without anything from elsewhere."""

import importlib
import re
import tomllib
from html.parser import HTMLParser
from pathlib import Path
from typing import Any, cast

import click
import pytest
import schemathesis
import small_world
from small_world import World

from heliograph import carrier_config, config_tables
from heliograph.api import connection
from heliograph.api import errors as api_errors
from heliograph.api.families import all_routes
from heliograph.api.route import Family
from heliograph.api.system import generated, pages, render, snippets
from heliograph.api.system.openapi import Document
from heliograph.config import SETTINGS
from heliograph.core import errors
from heliograph.torture import faults
from heliograph.wire import signature

ROUTES = all_routes()
ROOT = Path(__file__).parents[2]


@pytest.fixture
async def world() -> World:
    return await small_world.make()


def test_a_page_stands_in_the_menu_once() -> None:
    assert len(set(pages.SLUGS)) == len(pages.SLUGS)


@pytest.mark.parametrize("slug", pages.SLUGS)
@pytest.mark.parametrize("index", ["README.md", "docs/README.md"])
def test_every_page_is_listed(index: str, slug: str) -> None:
    assert f"pages/{slug}.md)" in (ROOT / index).read_text()


@pytest.mark.parametrize("slug", pages.SLUGS)
def test_generated_parts_are_current(slug: str) -> None:
    makers = {**generated.MAKERS, "endpoints": lambda: generated.endpoints(ROUTES), "faults": faults.markdown}
    text = pages.source(slug)
    assert generated.refreshed(text, makers) == text, "run: python docs/refresh.py"


def test_every_path_of_a_websocket_is_listed() -> None:
    section = pages.source("endpoints").partition("## WebSocket")[2]
    assert re.findall(r"^\| `(.+?)` \|", section, re.MULTILINE) == list(connection.UPGRADED)


def test_every_setting_is_documented() -> None:
    text = pages.page("settings").text
    assert [setting.name for setting in SETTINGS if f'<a id="{setting.name}"></a>`{setting.name}`' not in text] == []


FIXED_BOUNDS = re.findall(
    r"^\| [^|]+ \(`([\w.]+)\.(\w+)`\) \| ([0-9 ]+) \| [^|]+ \|$", pages.source("settings"), re.MULTILINE
)


def test_every_row_of_fixed_bounds_names_a_constant() -> None:
    section = pages.source("settings").partition("## Fixed bounds")[2]
    assert len(FIXED_BOUNDS) == len(re.findall(r"^\| (?!Bound )", section, re.MULTILINE)) > 20


@pytest.mark.parametrize(("module", "name", "shown"), FIXED_BOUNDS)
def test_fixed_bounds_are_as_shown(module: str, name: str, shown: str) -> None:
    assert getattr(importlib.import_module(f"heliograph.{module}"), name) == int(shown.replace(" ", ""))


@pytest.mark.parametrize("table", carrier_config.TABLES)
def test_every_key_of_a_table_is_documented(table: str) -> None:
    text = pages.page("numbers" if table == "inventory" else "carriers").text
    keys = [key.name for key in config_tables.keys(carrier_config.TABLES[table]).values()]
    assert keys
    assert [key for key in keys if f'<a id="{table}-{key}"></a>`{key}`' not in text] == []


def test_the_examples_of_carriers_can_be_used() -> None:
    """Each piece of TOML on the page, alone or below carriers of the names that it uses."""
    named = "".join(
        f'[[carriers]]\nname = "{name}"\nhosts = "a.example:1"\nsystem_id = "a"\n' for name in ("acme", "bell")
    )
    examples = re.findall(r"```toml\n(.*?)```", pages.page("carriers").text, re.DOTALL)
    assert len(examples) == 5
    for example in examples:
        document = tomllib.loads(example if "[[carriers]]" in example else named + example)
        made = carrier_config.topology(document, "page", {"ACME_PASSWORD": "x"}, simulator=False)
        made.router({each: each for each in made.projects()})


def test_every_error_code_has_its_place() -> None:
    anchors = _anchors(render.markdown(pages.page("errors").text).body)
    wanted = {str(fault.value.cxml) for fault in errors.Fault} | {fault.value.rest for fault in errors.Fault}
    wanted |= {str(code) for code in (*errors.DELIVERY, *errors.WEBHOOK, *errors.SWML)}
    for raised in (errors.NotFound(), errors.StoreUnavailable(), ValueError(), api_errors.Unauthorized()):
        wanted.add(str(api_errors.answer(Family.CXML, raised, "").body.code))  # type: ignore[attr-defined]
    for fault in (api_errors.Unreadable(), api_errors.TooLarge(), api_errors.UnsupportedType()):
        wanted.add(str(api_errors.answer(Family.CXML, fault, "").body.code))  # type: ignore[attr-defined]
    assert wanted - anchors == set()


def test_every_command_is_documented() -> None:
    main = importlib.import_module("heliograph.cli.main").heliograph
    text = pages.page("commands").text
    assert [name for name in _commands(main, "heliograph") if f"`{name}`" not in text] == []


@pytest.mark.parametrize("slug", pages.SLUGS)
def test_links_between_pages_lead_somewhere(slug: str) -> None:
    for target, anchor in re.findall(r"\]\(/docs(?:/([\w-]+))?(?:#([\w-]+))?\)", pages.page(slug).text):
        assert target in ("", pages.REFERENCE, *pages.SLUGS)
        if anchor:
            assert anchor in _anchors(render.markdown(pages.page(target).text).body), f"{target}#{anchor}"


def test_the_document_is_valid_openapi() -> None:
    document = Document(ROUTES, "1")
    schemathesis.openapi.from_dict(document.value).validate()
    operations = [each["operationId"] for path in document.value["paths"].values() for each in path.values()]
    assert len(operations) == len(set(operations))
    described = [route for route in ROUTES if route.family is not Family.SYSTEM]
    assert {route.operation for route in described} <= set(operations)


def test_examples_fit_their_schemas() -> None:
    jsonschema = pytest.importorskip("jsonschema_rs")
    document = Document(ROUTES, "1").value
    checked = 0
    for schema, example in _examples(document["paths"]):
        whole = {**schema, "components": document["components"]}
        jsonschema.validator_for(whole).validate(example)
        checked += 1
    assert checked > 100


def test_idempotency_is_told_of_creates_of_messages_only() -> None:
    document = Document(ROUTES, "1").value
    told = {
        operation["operationId"]
        for path in document["paths"].values()
        for operation in path.values()
        if any(parameter["name"] == "Idempotency-Key" for parameter in operation["parameters"])
    }
    assert told == {"create_message", "send_message"}


async def test_every_page_is_served_in_both_forms(world: World) -> None:
    for slug in (*pages.SLUGS, pages.REFERENCE):
        shown = await world.ask("GET", f"/docs/{slug}")
        assert (shown.status_code, shown.headers["content-type"]) == (200, "text/html; charset=utf-8")
        assert "default-src 'none'" in shown.headers["content-security-policy"]
        _Checked(shown.text)
        source = await world.ask("GET", f"/docs/{slug}.md")
        assert source.headers["content-type"] == "text/markdown; charset=utf-8"
        assert source.text.startswith("# ")
        assert "<!--" not in source.text


async def test_what_is_not_there(world: World) -> None:
    for path in ("/docs/nothing", "/docs/nothing.md", "/docs/assets/secrets", "/nowhere"):
        answer = await world.ask("GET", path)
        assert (answer.status_code, answer.json) == (404, {"error": "Not Found"})


async def test_a_browser_gets_an_unknown_page_as_html(world: World) -> None:
    answer = await world.ask("GET", "/docs/nothing", headers={"Accept": "text/html,*/*;q=0.8"})
    assert (answer.status_code, answer.headers["content-type"]) == (404, "text/html; charset=utf-8")
    assert "Page not found" in answer.text


async def test_examples_name_the_address_that_was_asked(world: World) -> None:
    for path in ("/docs/quickstart", "/docs/quickstart.md", "/docs/relay"):
        text = (await world.ask("GET", path, host="sms.test", port=22000)).text
        assert "//sms.test:22000" in text
        assert "localhost:8080" not in text and "127.0.0.1:8080" not in text
    assert "ws://sms.test:22000" in text


async def test_the_icon_stands_at_the_address_that_browsers_ask_for(world: World) -> None:
    assert (await world.ask("GET", "/favicon.ico")).headers["content-type"] == "image/svg+xml"


@pytest.mark.parametrize(
    ("words", "href"),
    [
        ("rate_limit_writes", "/docs/settings#rate_limit_writes"),
        ("30003", "/docs/errors#30003"),
        ("check the signature", "/docs/webhooks#check-the-signature"),
        ("Back up", "/docs/operations#back-up"),
    ],
)
async def test_the_search_index_has_a_section_of_that_name(world: World, words: str, href: str) -> None:
    sections = (await world.ask("GET", "/docs/search.json")).json
    found = [each for each in sections if each["heading"].lower() == words.lower()]
    assert [each["href"] for each in found] == [href]
    assert all(each["text"] for each in found)


def test_every_section_of_the_search_index_leads_somewhere() -> None:
    for slug in pages.SLUGS:
        text = pages.page(slug).text
        anchors = _anchors(render.markdown(text).body)
        assert [heading.anchor for heading, _ in render.sections(text) if heading.anchor not in anchors] == []


async def test_the_first_page_and_its_assets(world: World) -> None:
    start = await world.ask("GET", "/")
    assert "/docs/quickstart" in start.text
    for address in re.findall(r'(?:href|src)="(/docs/assets/[^"]+)"', start.text):
        assert (await world.ask("GET", address)).status_code == 200


async def test_for_language_models(world: World) -> None:
    index = (await world.ask("GET", "/llms.txt", host="sms.example")).text
    assert index.startswith("# Heliograph\n\n> ")
    for slug in (*pages.SLUGS, pages.REFERENCE):
        assert f"http://sms.example/docs/{slug}.md" in index
    everything = (await world.ask("GET", "/llms-full.txt")).text
    for slug in pages.SLUGS:
        assert f"# {pages.page(slug).title}\n" in everything


async def test_health_and_metrics(world: World) -> None:
    healthy = await world.ask("GET", "/health")
    assert (healthy.status_code, healthy.json["status"]) == (200, "ok")
    assert "heliograph_accepted_total" in (await world.ask("GET", "/metrics")).text
    world.store.down = True
    ill = await world.ask("GET", "/health")
    assert (ill.status_code, ill.json["status"]) == (503, "unavailable")


def test_the_printed_signature_checks_are_right() -> None:
    """The Python shown to users, run, against what the server signs with."""
    code = re.search(r"```python Python\n(.*?)\n# Compare", pages.page("webhooks").text, re.DOTALL)
    assert code is not None
    shown: dict[str, object] = {}
    exec(code[1], shown)  # what is run is this project's own page
    fields = {"To": "+1", "From": "+2", "Body": "é"}
    url = "https://a.example/x?y=1"
    by_form, by_json = cast(Any, shown["form_signature"]), cast(Any, shown["json_signature"])
    assert by_form("PSK", url, fields) == signature.sign_form("PSK", url, fields.items())
    assert by_json("PSK", url, b"{}") == signature.sign_json("PSK", url, b"{}")
    by_longer = cast(Any, shown["json_sha256_signature"])
    assert by_longer("PSK", url, b"{}") == signature.sign_json_sha256("PSK", url, b"{}")


def test_snippets_quote_what_needs_it() -> None:
    call = snippets.Call(method="POST", path="/x", body={"Body": "it's", "SendAsMms": True}, form=True)
    assert "--data-urlencode 'Body=it'\\''s'" in snippets.curl(call)
    assert "'SendAsMms=true'" in snippets.curl(call)
    compile(snippets.python(call), "snippet", "exec")


def test_code_and_headings_are_escaped() -> None:
    shown = render.markdown("# A\n\n## B <i> & c\n\n## B <i> & c\n\n```python\nx = '<b>'  # <c>\n```\n")
    assert "<b>" not in shown.body
    assert [heading.anchor for heading in shown.headings] == ["b-i-c", "b-i-c-2"]


def _anchors(html: str) -> set[str]:
    return set(re.findall(r'id="([^"]+)"', html))


def _commands(command: click.Command, name: str) -> list[str]:
    if not isinstance(command, click.Group):
        return [name]
    context = click.Context(command)
    found = [(each, command.get_command(context, each)) for each in command.list_commands(context)]
    return [full for each, sub in found if sub is not None for full in _commands(sub, f"{name} {each}")]


def _examples(node: object) -> list[tuple[dict[str, object], object]]:
    found: list[tuple[dict[str, object], object]] = []
    if isinstance(node, dict):
        if "schema" in node and "example" in node:
            found.append((node["schema"], node["example"]))
        for child in node.values():
            found += _examples(child)
    elif isinstance(node, list):
        for child in node:
            found += _examples(child)
    return found


class _Checked(HTMLParser):
    """A page that loads nothing from elsewhere, has each id once, and closes what it opens."""

    _VOID = frozenset({"meta", "link", "img", "input", "br", "hr", "path", "rect"})

    def __init__(self, text: str) -> None:
        super().__init__()
        self.open: list[str] = []
        self.ids: set[str] = set()
        self.feed(text)
        assert self.open == []

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        given = dict(attrs)
        for name in ("src", "href") if tag in ("script", "link", "img") else ():
            assert (given.get(name) or "/").startswith("/"), given
        assert given.get("id") not in self.ids, given
        self.ids |= {given["id"]} - {None} if "id" in given else set()  # type: ignore[arg-type]
        if tag not in self._VOID:
            self.open.append(tag)

    def handle_startendtag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        return

    def handle_endtag(self, tag: str) -> None:
        assert self.open.pop() == tag
