"""Commands on the store: what they print, what they write, how they end."""

import ipaddress
import json
import re
import shlex
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest
from memory_store import MemoryStore

from heliograph.cli import main, output
from heliograph.cli.welcome import welcome
from heliograph.config import SETTINGS
from heliograph.core.directory import CAPABILITIES, SCOPES
from heliograph.engine.provision import Mint, Provisioned
from heliograph.net.clock import SystemClock

# -- every command


def test_every_command_has_help_that_says_what_it_does(cli: Any) -> None:
    listing = cli("--help")
    assert listing.code == 0
    for name in main.COMMANDS:
        shown = cli(name, "--help")
        assert shown.code == 0
        assert f"Usage: heliograph {name}" in shown.out
        assert name in listing.out
    for code in ("0", "1", "2", "3", "130"):
        assert re.search(rf"^ *{code}  ", listing.out, re.MULTILINE)


@pytest.mark.parametrize(
    "command",
    [
        "init", "send", "inbound", "message", "callbacks list", "callbacks replay", "carriers",
        "route explain", "relay", "project create", "project list",
        "token create", "token revoke", "token list", "number add", "number list", "number import", "number available",
        "number handler", "smpp create", "smpp list", "smpp update", "smpp remove", "dev-cert", "migrate", "doctor",
        "settings", "serve",
    ],
)  # fmt: skip
def test_every_command_says_where_and_how(cli: Any, command: str) -> None:
    shown = cli(*command.split(), "--help").out
    for option in ("--data", "--database-url", "--config", "--json"):
        assert option in shown


def test_without_a_command_help_is_shown(cli: Any) -> None:
    outcome = cli()
    assert outcome.code == output.WRONG_USAGE
    assert "Usage: heliograph" in outcome.err


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        (["sned"], "sned"),
        (["init", "--dta", "x"], "--dta"),
        (["send", "--to", "+12025550101"], "--from"),
        (["token", "create", "--name", "x", "--scope", "root"], "root"),
        (["serve", "--port", "abc"], "--port: 'abc' is not a whole number"),
        (["serve", "--port", "70000"], "--port: '70000' is more than 65535"),
        (["serve", "--log-format", "xml"], "--log-format"),
        (["init", "--config", "/nowhere/heliograph.toml"], "/nowhere/heliograph.toml: can't be read"),
    ],
)
def test_a_wrong_command_is_one_line_and_code_2(cli: Any, app: object, arguments: list[str], said: str) -> None:
    outcome = cli(*arguments)
    assert outcome.code == output.WRONG_USAGE
    assert outcome.out == ""
    assert outcome.err.startswith("heliograph: ")
    assert outcome.err.count("\n") == 1
    assert said in outcome.err
    as_json = cli(*arguments, "--json")
    assert as_json.code == output.WRONG_USAGE
    assert said in as_json.json["error"]
    assert said in as_json.err


def test_a_wrong_variable_is_named(cli: Any, app: object, monkeypatch: pytest.MonkeyPatch, data: Path) -> None:
    monkeypatch.setenv("HELIOGRAPH_PORT", "http")
    outcome = cli("init", "--data", data)
    assert outcome.code == output.WRONG_USAGE
    assert "HELIOGRAPH_PORT" in outcome.err


def test_an_interrupt_ends_with_130(cli: Any, app: Any, data: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def interrupt(*_: object, **__: object) -> None:
        raise KeyboardInterrupt

    monkeypatch.setattr(app, "make_store", interrupt)
    assert cli("init", "--data", data).code == output.INTERRUPTED


# -- start-up


@pytest.mark.parametrize("command", ["project list", "send --from +12025550101 --to +12025550102", "settings"])
def test_commands_do_not_load_the_servers_libraries_before_they_need_them(command: str, tmp_path: Path) -> None:
    script = (
        "import sys; from heliograph.cli import main; main.run(sys.argv[1:]);"
        "print(*sorted({'rich', 'yarl', 'falcon', 'uvicorn', 'asyncpg', 'cryptography'} & set(sys.modules)))"
    )
    arguments = [*command.split(), "--data", str(tmp_path / "none"), "--json"]
    done = subprocess.run([sys.executable, "-c", script, *arguments], capture_output=True, text=True, check=True)
    assert done.stdout.splitlines()[-1] == ""


def test_the_entry_point_ends_the_process_with_the_code(tmp_path: Path) -> None:
    script = "from heliograph.cli.main import main; main()"
    command = [sys.executable, "-c", script, "number", "list", "--data", str(tmp_path / "none")]
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    assert (done.returncode, done.stdout) == (output.FAILED, "")
    assert "heliograph init --data" in done.stderr


# -- init and serve


def test_init_prints_what_it_made(cli: Any, store: MemoryStore, data: Path) -> None:
    outcome = cli("init", "--data", data, "--json")
    assert (outcome.code, outcome.err) == (0, "")
    assert outcome.json == {
        "project_id": store.projects[0].id,
        "api_token": outcome.json["api_token"],
        "signing_key": store.projects[0].signing_key,
        "numbers": ["+12025550101", "+12025550102"],
    }
    assert outcome.json["api_token"].startswith("PT")
    assert data.stat().st_mode & 0o777 == 0o700
    assert (store.opened, store.closed) == (1, 1)


def test_init_again_changes_nothing_and_says_so(cli: Any, store: MemoryStore, data: Path) -> None:
    cli("init", "--data", data)
    again = cli("init", "--data", data, "--json")
    assert again.code == output.ALREADY_INITIALISED
    assert "initialised already" in again.json["error"]
    assert store.writes == 1


def test_init_for_people_can_be_pasted(cli: Any, store: MemoryStore, data: Path) -> None:
    shown = cli("init", "--data", data, "--config", _file(data, 'host = "0.0.0.0"\nport = 9000')).out
    words = shlex.split(next(line for line in shown.splitlines() if line.startswith("curl ")))
    project = store.projects[0].id
    assert f"http://127.0.0.1:9000/api/laml/2010-04-01/Accounts/{project}/Messages" in words
    assert words[words.index("-u") + 1].startswith(f"{project}:PT")
    assert "From=+12025550101" in words


def _file(data: Path, text: str) -> Path:
    path = data.parent / "heliograph.toml"
    path.write_text(text)
    return path


def test_serve_takes_every_setting_as_a_flag(cli: Any, app: Any, data: Path) -> None:
    values: dict[str, object] = {}
    arguments: list[str] = []
    for setting in SETTINGS:
        flag = setting.name.replace("_", "-")
        if setting.type is bool:
            values[setting.name] = not setting.default
            arguments.append(f"--no-{flag}" if setting.default else f"--{flag}")
        elif setting.networks:
            values[setting.name] = (ipaddress.ip_network("10.0.0.0/8"),)
            arguments += [f"--{flag}", "10.0.0.0/8"]
        else:
            value = setting.choices[-1] if setting.choices else "GB" if setting.country else setting.default
            value = "a0" * 32 if setting.sha256 else value
            free = setting.type is str and not (setting.choices or setting.country or setting.sha256)
            values[setting.name] = str(data) if free else value
            values |= {"database_url": "postgresql://127.0.0.1/name"} if setting.name == "database_url" else {}
            values |= {"database_url_file": None} if setting.name == "database_url_file" else {}
            arguments += [f"--{flag}", "" if values[setting.name] is None else str(values[setting.name])]
    assert cli("serve", *arguments).code == 0
    assert {setting.name: getattr(app.served, setting.name) for setting in SETTINGS} == values


def test_a_flag_beats_the_environment_and_that_the_file(
    cli: Any, app: Any, data: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    file = _file(data, 'port = 1\nhost = "10.0.0.1"\nlog_level = "error"')
    monkeypatch.setenv("HELIOGRAPH_PORT", "2")
    monkeypatch.setenv("HELIOGRAPH_HOST", "10.0.0.2")
    monkeypatch.setenv("HELIOGRAPH_CONFIG", str(file))
    cli("serve", "--data", data, "--port", "3")
    assert (app.served.port, app.served.host, app.served.log_level) == (3, "10.0.0.2", "error")


def test_serve_shows_the_first_token_once(cli: Any, app: Any, data: Path) -> None:
    first = cli("serve", "--data", data)
    assert (first.code, first.err) == (0, "")
    assert "curl -u" in first.out and "API token" in first.out
    assert "API token" not in cli("serve", "--data", data).out


def test_serve_greets_in_json(cli: Any, app: Any, data: Path) -> None:
    assert cli("serve", "--data", data, "--json").json["numbers"] == ["+12025550101", "+12025550102"]


def test_serve_says_that_another_has_the_store(cli: Any, app: Any, data: Path) -> None:
    app.held = True
    outcome = cli("serve", "--data", data)
    assert outcome.code == output.FAILED
    assert "in use by another server" in outcome.err


@pytest.fixture
def provisioned() -> Provisioned:
    mint = Mint(SystemClock())
    project = mint.project("p")
    token, secret = mint.token(project.id, "t", SCOPES)
    numbers = tuple(mint.number(project.id, n, "", CAPABILITIES) for n in ("+12025550101", "+12025550102"))
    return Provisioned(project=project, token=token, api_token=secret, numbers=numbers)


@pytest.mark.parametrize(
    ("url", "snippet"),
    [
        ("http://127.0.0.1:8080", 'host="127.0.0.1:8080"'),
        ("http://[::1]:8080", 'host="[::1]:8080"'),
        ("https://sms.example.com", 'host="sms.example.com"'),
        ("https://localhost:8443", 'signalwire_space_url="localhost:8443"'),
    ],
)
def test_the_python_snippet_compiles_and_reaches_the_server(provisioned: Provisioned, url: str, snippet: str) -> None:
    text = welcome(provisioned, url)
    assert "To=+12025550102" not in text, "it would not come back in, and people would wait for it"
    python = text[text.index("# pip install") :]
    compile(python, "snippet", "exec")
    assert snippet in python
    assert provisioned.api_token in python


def test_where_no_sdk_could_connect_the_text_says_so(provisioned: Provisioned) -> None:
    text = welcome(provisioned, "http://10.0.0.1:8080")
    assert "RestClient" not in text
    assert "--tls-cert" in text


def test_the_authority_to_trust_is_named(cli: Any, app: Any, data: Path) -> None:
    files = cli("dev-cert", "--data", data, "--json").json
    arguments = ("--tls-cert", files["certificate"], "--tls-key", files["key"])
    shown = cli("serve", "--data", data, *arguments).out
    assert f"curl --cacert {files['ca']}" in shown


# -- projects, tokens, numbers


def test_a_project_is_made_and_listed(cli: Any, store: MemoryStore, data: Path) -> None:
    data.mkdir()
    made = cli("project", "create", "--data", data, "--name", "Acme", "--json").json
    assert sorted(made) == ["api_token", "project_id", "signing_key"]
    child = cli("project", "create", "--data", data, "--name", "Sub", "--parent", "Acme", "--json").json
    listed = cli("project", "list", "--data", data, "--json").json["projects"]
    assert [(row["id"], row["name"], row["parent_id"]) for row in listed] == [
        (made["project_id"], "Acme", None),
        (child["project_id"], "Sub", made["project_id"]),
    ]
    human = cli("project", "list", "--data", data).out
    assert "Acme" in human
    assert made["signing_key"] not in human


def test_a_token_is_made_listed_and_revoked(cli: Any, store: MemoryStore, data: Path) -> None:
    cli("init", "--data", data)
    options = ("--data", data, "--name", "ci", "--scope", "messaging", "--scope", "numbers")
    made = cli("token", "create", *options, "--json").json
    assert made["scopes"] == ["messaging", "numbers"]
    listed = cli("token", "list", "--data", data, "--json").json["tokens"]
    assert [token["name"] for token in listed] == ["default", "ci"]
    assert made["token"] not in json.dumps(listed)
    assert cli("token", "revoke", made["id"].upper(), "--data", data).code == 0
    assert [token.name for token in store.tokens] == ["default"]
    again = cli("token", "revoke", made["id"], "--data", data)
    assert (again.code, again.out) == (output.FAILED, "")
    assert made["id"] in again.err


def test_a_number_is_added_and_listed(cli: Any, store: MemoryStore, data: Path) -> None:
    cli("init", "--data", data)
    made = cli("number", "add", "+12025550199", "--data", data, "--capability", "sms", "--json").json
    assert (made["number"], made["capabilities"]) == ("+12025550199", ["sms"])
    listed = cli("number", "list", "--data", data, "--json").json["numbers"]
    assert [number["number"] for number in listed] == ["+12025550101", "+12025550102", "+12025550199"]
    again = cli("number", "add", "+12025550199", "--data", data)
    assert (again.code, again.out) == (output.FAILED, "")
    assert "belongs to this deployment already" in again.err
    wrong = cli("number", "add", "2025550199", "--data", data)
    assert wrong.code == output.WRONG_USAGE
    assert "'2025550199' is no phone number" in wrong.err


def test_with_several_projects_one_must_be_named(cli: Any, store: MemoryStore, data: Path) -> None:
    data.mkdir()
    ids = [cli("project", "create", "--data", data, "--name", n, "--json").json["project_id"] for n in "aab"]
    add = ("number", "add", "+12025550199", "--data", data)
    assert "say which with --project" in cli(*add).err
    assert "several projects are called 'a'" in cli(*add, "--project", "a").err
    assert "there is no project 'c'" in cli(*add, "--project", "c").err
    assert cli(*add, "--project", "b").code == 0
    assert cli("number", "add", "+12025550198", "--data", data, "--project", ids[0].upper()).code == 0
    listed = cli("number", "list", "--data", data, "--project", "b", "--json").json["numbers"]
    assert [(row["number"], row["project_id"]) for row in listed] == [("+12025550199", ids[2])]


def test_without_a_project_the_way_to_one_is_told(cli: Any, store: MemoryStore, data: Path) -> None:
    data.mkdir()
    outcome = cli("token", "create", "--data", data, "--name", "x")
    assert outcome.code == output.FAILED
    assert "heliograph init" in outcome.err


# -- the store's faults


def test_a_store_that_is_not_there_is_not_made_by_asking(cli: Any, store: MemoryStore, data: Path) -> None:
    outcome = cli("project", "list", "--data", data)
    assert outcome.code == output.FAILED
    assert f"heliograph init --data {data}" in outcome.err
    assert not data.exists()
    assert store.opened == 0


def test_a_data_folder_that_can_not_be_made_is_named(cli: Any, store: MemoryStore, tmp_path: Path) -> None:
    (tmp_path / "file").touch()
    outcome = cli("init", "--data", tmp_path / "file" / "data")
    assert outcome.code == output.FAILED
    assert "can't be made" in outcome.err


def test_a_database_is_named_without_its_password(cli: Any, app: Any) -> None:
    app.broken = True
    outcome = cli("project", "list", "--database-url", "postgresql://me:hunter2@db.test:5433/sms", "--json")
    assert outcome.code == output.FAILED
    assert "db.test:5433/sms can't be used: no route" in outcome.json["error"]
    assert "hunter2" not in outcome.out + outcome.err


def test_migrate_needs_the_store_to_itself(cli: Any, app: Any, data: Path) -> None:
    assert cli("migrate", "--data", data, "--json").json == {"migrated": True}
    app.held = True
    outcome = cli("migrate", "--data", data)
    assert outcome.code == output.FAILED
    assert "in use by a running server" in outcome.err


# -- settings and dev-cert


def test_settings_lists_the_table(cli: Any) -> None:
    listed = cli("settings", "--json").json["settings"]
    assert [row["name"] for row in listed] == [setting.name for setting in SETTINGS]
    port = next(row for row in listed if row["name"] == "port")
    assert (port["flag"], port["variable"], port["default"]) == ("--port", "HELIOGRAPH_PORT", 8080)
    human = cli("settings").out
    assert all(f"{setting.name} = " in human for setting in SETTINGS)


def test_dev_cert_tells_where_and_how(cli: Any, data: Path) -> None:
    made = cli("dev-cert", "--data", data, "--json").json
    assert sorted(made) == ["ca", "certificate", "key"]
    assert all(Path(path).is_absolute() and Path(path).is_file() for path in made.values())
    kept = cli("dev-cert", "--data", data)
    assert kept.out.startswith("Kept")
    assert f"NODE_EXTRA_CA_CERTS={made['ca']}" in kept.out
    assert f"REQUESTS_CA_BUNDLE={made['ca']}" in kept.out


def test_dev_cert_refuses_a_bad_host(cli: Any, data: Path) -> None:
    outcome = cli("dev-cert", "--data", data, "--host", "http://x")
    assert outcome.code == output.WRONG_USAGE
    assert "--host: 'http://x'" in outcome.err


def test_a_name_that_a_client_chose_makes_no_line_and_no_colour() -> None:
    shown = output.table(("ID", "NAME"), [("1", "\x1b[31mred\n2   forged\u202e"), ("3", "Ærø \U0001f600")])
    assert shown.splitlines() == ["ID  NAME", "1   ?[31mred?2   forged?", "3   Ærø \U0001f600"]


def test_a_project_in_a_folder_without_a_store_is_refused(cli: Any, data: Path) -> None:
    refused = cli("project", "create", "--data", data, "--name", "Acme")
    assert (refused.code, refused.out) == (output.FAILED, "")
    assert f"there is no store in {data}" in refused.err
    assert not data.exists()
    data.mkdir()
    refused = cli("project", "create", "--data", data, "--name", "Acme")
    assert refused.code == output.FAILED and "run `heliograph init`" in refused.err
    assert not list(data.iterdir())
