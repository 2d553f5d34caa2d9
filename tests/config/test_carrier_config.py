"""The tables of the config file: what they become, what is refused and in which words, what differs."""

import dataclasses
import typing
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from heliograph import carrier_config, config, config_tables
from heliograph.carrier_config import CarrierConfig, Host, RateConfig, RouteConfig, StatusRule, Topology, difference
from heliograph.config import ConfigError
from heliograph.config_tables import Secret
from heliograph.core.message import Kind
from heliograph.core.routing import Facts

EXAMPLE = Path(__file__).parents[2] / "docs" / "examples" / "carriers.toml"

ONE = """
[[carriers]]
name = "acme"
hosts = "smpp.acme.example:2775"
system_id = "helio"
"""
TWO = (
    ONE
    + """
[[carriers]]
name = "bell"
hosts = ["a.bell.example:2775", "[2001:db8::1]:2776"]
system_id = "helio"
"""
)


@pytest.fixture
def loaded(tmp_path: Path) -> typing.Callable[..., Topology]:
    def load(text: str, environ: dict[str, str] | None = None, **flags: object) -> Topology:
        file = tmp_path / "heliograph.toml"
        file.write_text(text)
        return carrier_config.load(flags, environ or {}, file).topology

    return load


Loaded = typing.Callable[..., Topology]


# -- what the tables become


def test_a_carrier_needs_three_keys_and_the_rest_has_defaults(loaded: Loaded) -> None:
    (carrier,) = loaded(ONE).carriers
    assert carrier == CarrierConfig(name="acme", hosts=(Host("smpp.acme.example", 2775),), system_id="helio")
    assert (carrier.bind, carrier.binds, carrier.window, carrier.interface_version) == ("transceiver", 1, 10, 0x34)
    assert (carrier.tlvs, carrier.statuses, carrier.password) == ({}, {}, Secret(""))


def test_values_are_read(loaded: Loaded) -> None:
    carrier = loaded(
        ONE
        + """
password = "s3cret"
interface_version = 0x33
enquire_link_seconds = 5
tlvs = { "0x1401" = "hex:0A0b", 5122 = "text" }
statuses = { "0x58" = "temporary", "0x0045" = "permanent:30007", "20" = "throttled", "0x400" = "permanent" }
"""
    ).carriers[0]
    assert carrier.password.reveal() == "s3cret"
    assert (carrier.interface_version, carrier.enquire_link_seconds) == (0x33, 5.0)
    assert carrier.tlvs == {0x1401: b"\x0a\x0b", 0x1402: b"text"}
    assert carrier.statuses == {
        0x58: StatusRule("temporary"),
        0x45: StatusRule("permanent", 30007),
        0x14: StatusRule("throttled"),
        0x400: StatusRule("permanent"),
    }


def test_hosts_are_a_list_and_may_be_ipv6(loaded: Loaded) -> None:
    hosts = loaded(TWO).carriers[1].hosts
    assert hosts == (Host("a.bell.example", 2775), Host("2001:db8::1", 2776))
    assert [str(host) for host in hosts] == ["a.bell.example:2775", "[2001:db8::1]:2776"]


def test_routes_and_rates_are_read(loaded: Loaded) -> None:
    topology = loaded(
        TWO
        + """
[[routes]]
carrier = "acme"
[[routes]]
carrier = ["bell", "loopback"]
prefix = ["+44", "33"]
country = "GB"
sender_prefix = "+1555"
project = "Acme"
kind = "sms"
priority = 5
weight = 2
[[rates]]
carrier = ["acme", "bell"]
price = "0.0040"
[[rates]]
carrier = "acme"
prefix = "+44"
price = "1"
"""
    )
    assert topology.routes[0] == RouteConfig(carriers=("acme",))
    assert topology.routes[1] == RouteConfig(
        carriers=("bell", "loopback"),
        prefixes=("44", "33"),
        countries=("GB",),
        sender_prefixes=("+1555",),
        project="Acme",
        kind="sms",
        priority=5,
        weight=2,
    )
    assert topology.rates == (
        RateConfig(carriers=("acme", "bell"), price_micros=4000),
        RateConfig(carriers=("acme",), prefixes=("44",), price_micros=1_000_000),
    )
    message = Facts(from_number="+15551234567", to_number="+447700900123", project_id="p1")
    candidates = topology.router({"Acme": "p1"}).candidates(message, {}, 0)
    assert [(each.carrier, each.cost_micros) for each in candidates] == [
        ("bell", 4000),
        ("loopback", None),
        ("acme", 1_000_000),
    ]


@pytest.mark.parametrize(
    ("text", "simulator", "expected"),
    [
        ("", True, ["loopback"]),
        ("", False, []),
        (TWO, True, ["acme", "bell"]),
        (TWO + 'bind = "receiver"', True, ["acme"]),
        (TWO + '[[rates]]\ncarrier = "bell"\nprice = "0.1"', True, ["bell", "acme"]),
        (TWO + '[[routes]]\ncarrier = "loopback"', True, ["loopback"]),
    ],
)
def test_who_serves_what_no_rule_names(loaded: Loaded, text: str, simulator: bool, expected: list[str]) -> None:
    router = loaded(text, simulator=simulator).router({})
    message = Facts(from_number="12345", to_number="+447700900123", project_id="x")
    assert [each.carrier for each in router.candidates(message, {}, 0)] == expected


def test_smpp_carries_no_mms(loaded: Loaded) -> None:
    message = Facts(from_number="12345", to_number="+447700900123", project_id="x", kind=Kind.MMS)
    assert loaded(ONE).router({}).candidates(message, {}, 0) == ()
    assert [each.carrier for each in loaded("").router({}).candidates(message, {}, 0)] == ["loopback"]


def test_plain_settings_stand_beside_the_tables(tmp_path: Path) -> None:
    file = tmp_path / "heliograph.toml"
    file.write_text("port = 9000\n" + ONE)
    assert config.load({}, {}, file).port == 9000
    deployment = carrier_config.load({"port": "9001"}, {}, file)
    assert (deployment.config.port, len(deployment.topology.carriers)) == (9001, 1)
    assert carrier_config.load({}, {}).topology == Topology(simulator=True)


# -- what is refused

WRONG = [
    ("carriers = 5", "carriers is no list of tables"),
    ("[carriers]\nx = 1", "carriers is no list of tables"),
    ("carriers = [5]", "[[carriers]] 1: is no table"),
    ('[[carriers]]\nname = "acme"', "[[carriers]] 1 (acme): hosts is missing"),
    (ONE + "hots = 1", "[[carriers]] 1 (acme): no key is called hots; perhaps hosts was meant"),
    (ONE + "zzz = 1", "[[carriers]] 1 (acme): no key is called zzz; there are name, hosts"),
    (ONE.replace('"acme"', '"Acme Ltd"'), "[[carriers]] 1: name: 'Acme Ltd' is no name"),
    (ONE.replace('"acme"', '"loopback"'), "name: 'loopback' is what the simulated carrier is called"),
    (ONE + ONE, "[[carriers]]: name: 'acme' is there twice"),
    (ONE.replace(":2775", ""), "hosts: 'smpp.acme.example' is no address"),
    (ONE.replace(":2775", ":99999"), "hosts: 'smpp.acme.example:99999' is no address"),
    (ONE.replace('"smpp.acme.example:2775"', "[]"), "hosts: is empty"),
    (ONE.replace('"helio"', f'"{"x" * 65}"'), f"system_id: '{'x' * 65}' is longer than 64 characters"),
    (ONE.replace('"helio"', '"hélio"'), "system_id: 'hélio' has characters that SMPP's texts don't have"),
    (ONE + "window = 0", "[[carriers]] 1 (acme): window: 0 is less than 1"),
    (ONE + "window = 20.5", "window: 20.5 is not a whole number"),
    (ONE + "binds = 65", "binds: 65 is more than 64"),
    (ONE + 'bind = "duplex"', "bind: 'duplex' is none of transceiver, transmitter_receiver, transmitter, receiver"),
    (ONE + "rate = nan", "rate: nan is not a number"),
    (ONE + f"rate = 1{'0' * 400}", "is not a number"),
    (ONE + "tls_cert = 'a'\ntls = true", "tls_cert: goes with tls_key"),
    (ONE + "tls_ca = 'a'", "tls_ca: is given, and tls is off"),
    (ONE + "reconnect_seconds = 90", "reconnect_max_seconds: is less than reconnect_seconds"),
    (ONE + "window_mode = 'adaptive'\nwindow = 300", "window_max: is less than window"),
    (ONE + 'tlvs = { "0x10000" = "a" }', "tlvs: '0x10000' is not between 0 and 0xFFFF"),
    (ONE + 'tlvs = { "abc" = "a" }', "tlvs: 'abc' is no number such as 0x1401"),
    (ONE + 'tlvs = { "0x1401" = "hex:0" }', "tlvs: 0x1401: 'hex:0' is no hexadecimal text"),
    (ONE + 'tlvs = { "0x1401" = "a", 5121 = "b" }', "tlvs: 5121 is there twice"),
    (ONE + "tlvs = 5", "tlvs: 5 is no table"),
    (ONE + 'statuses = { "0x58" = "permanent:1" }', "statuses: 0x58: 'permanent:1' is none of temporary"),
    (ONE + 'statuses = { "0x58" = "temporary:30007" }', "is none of temporary"),
    (ONE + '[[routes]]\nprefix = "+44"', "[[routes]] 1: carrier is missing"),
    (ONE + '[[routes]]\ncarrier = "bell"', "[[routes]] 1: carrier: no [[carriers]] has the name 'bell'"),
    (ONE + '[[routes]]\ncarrier = ["acme", "acme"]', "[[routes]] 1: carrier: 'acme' is there twice"),
    (ONE + '[[routes]]\ncarrier = "acme"\nprefix = "+4x"', "prefix: '+4x' is no prefix of a number"),
    (ONE + '[[routes]]\ncarrier = "acme"\ncountry = "UK"', "country: 'UK' is no ISO 3166 country"),
    (ONE + '[[routes]]\ncarrier = "acme"\nkind = "mms"', "speaks SMPP, which carries no MMS"),
    (ONE + 'bind = "receiver"\n[[routes]]\ncarrier = "acme"', "carrier: 'acme' binds as a receiver"),
    ('simulator = false\n[[routes]]\ncarrier = "loopback"', "and the setting simulator is off"),
    (ONE + '[[rates]]\ncarrier = "acme"', "[[rates]] 1: price is missing"),
    (ONE + '[[rates]]\ncarrier = "acme"\nprice = 0.004', "price: 0.004 is not a text"),
    (ONE + '[[rates]]\ncarrier = "acme"\nprice = "-1"', "price: '-1' is no price"),
    (ONE + '[[rates]]\ncarrier = "acme"\nprice = "1"\n' * 2, "[[rates]] 2: prefix: acme has a price"),
]


@pytest.mark.parametrize(("text", "said"), WRONG)
def test_a_fault_names_file_table_and_key(loaded: Loaded, tmp_path: Path, text: str, said: str) -> None:
    with pytest.raises(ConfigError) as caught:
        loaded(text)
    assert str(caught.value).startswith(f"{tmp_path / 'heliograph.toml'}: ")
    assert said in str(caught.value)


anything = st.recursive(
    st.one_of(
        st.text(max_size=8), st.integers(), st.floats(), st.booleans(), st.datetimes(), st.sampled_from(["acme"])
    ),
    lambda inner: st.one_of(st.lists(inner, max_size=2), st.dictionaries(st.text(max_size=6), inner, max_size=2)),
    max_leaves=4,
)


def a_table(table: type) -> st.SearchStrategy[dict[str, object]]:
    names = [key.name for key in config_tables.keys(table).values()]
    right = {
        "name": "acme",
        "hosts": "a:1",
        "system_id": "a",
        "carrier": "acme",
        "price": "1",
        "number": "+12065550142",
    }
    known = {name: value for name, value in right.items() if name in names}
    return st.dictionaries(st.sampled_from(names), anything, max_size=4).map(lambda given: known | given)


@given(*(st.one_of(st.lists(a_table(table), max_size=2), anything) for table in carrier_config.TABLES.values()))
def test_whatever_stands_there_is_read_or_refused(
    carriers: object, routes: object, rates: object, stock: object
) -> None:
    document = {"carriers": carriers, "routes": routes, "rates": rates, "inventory": stock}
    try:
        carrier_config.topology(document, "file", {}, simulator=True).router({})
    except ConfigError as error:
        assert str(error).startswith("file: ")


# -- passwords

PASSWORD = "s3cret-9"


def test_a_password_comes_from_one_of_three_places(loaded: Loaded, tmp_path: Path) -> None:
    (tmp_path / "password").write_text(f"{PASSWORD}\nsecond line\n")
    for key in (f'password = "{PASSWORD}"', 'password_env = "P"', f'password_file = "{tmp_path}/password"'):
        assert loaded(ONE + key, {"P": PASSWORD}).carriers[0].password.reveal() == PASSWORD


def test_a_password_is_nowhere_to_be_seen(loaded: Loaded) -> None:
    topology = loaded(ONE + f'password = "{PASSWORD}"')
    carrier = topology.carriers[0]
    for shown in (repr(topology), str(carrier), f"{carrier.password}", f"{carrier.password!r}"):
        assert PASSWORD not in shown
    other = dataclasses.replace(carrier, password=Secret("other"))
    assert PASSWORD not in repr(difference(topology, Topology(carriers=(other,))))


@pytest.mark.parametrize(
    ("keys", "said"),
    [
        (f'password = "{"s3cret" * 11}"', "password: what is given is longer than 64 characters"),
        ('password = ["s3cret-9"]', "password: what is given is not a text"),
        ('password = "s3cret-é"', "password: what is given has characters"),
        ('password_env = "P"\npassword = "s3cret-9"', "password_env: stands beside password"),
        ('password_env = "NONE"', "password_env: there is no environment variable NONE"),
        ('password_env = "LONG"', "password_env: variable LONG: what is given is longer than 64 characters"),
        ('password_file = "/nowhere/file"', "password_file: /nowhere/file can't be read"),
    ],
)
def test_a_wrong_password_is_not_repeated(loaded: Loaded, keys: str, said: str) -> None:
    with pytest.raises(ConfigError) as caught:
        loaded(ONE + keys, {"P": PASSWORD, "LONG": PASSWORD * 10})
    assert said in str(caught.value)
    assert "s3cret" not in str(caught.value)


# -- from one to another


def test_nothing_differs(loaded: Loaded) -> None:
    text = TWO + 'tlvs = { "0x1401" = "a" }\n[[routes]]\ncarrier = "bell"'
    assert difference(loaded(text), loaded(text)).nothing


def test_carriers_are_told_apart_by_name(loaded: Loaded) -> None:
    third = ONE.replace("acme", "third")
    found = difference(loaded(TWO), loaded(ONE + "window = 20" + third))
    assert [carrier.name for carrier in found.added] == ["third"]
    assert [carrier.name for carrier in found.removed] == ["bell"]
    (change,) = found.changed
    assert (change.before.window, change.after.window, change.keys, change.reconnect) == (10, 20, ("window",), False)


@pytest.mark.parametrize(
    ("key", "reconnect"),
    [('password = "new"', True), ("binds = 2", True), ("rate = 5", False), ("gsm='packed'", False)],
)
def test_some_changes_need_new_connections(loaded: Loaded, key: str, reconnect: bool) -> None:
    (change,) = difference(loaded(ONE), loaded(ONE + key)).changed
    assert change.reconnect is reconnect


def test_routes_and_rates_differ_as_a_whole(loaded: Loaded) -> None:
    routed = loaded(TWO + '[[routes]]\ncarrier = "bell"')
    rated = loaded(TWO + '[[rates]]\ncarrier = "bell"\nprice = "1"')
    assert (difference(loaded(TWO), routed).routes, difference(loaded(TWO), routed).rates) == (True, False)
    assert (difference(loaded(TWO), rated).routes, difference(loaded(TWO), rated).rates) == (False, True)
    first, second = TWO.split("[[carriers]]")[1:]
    swapped = f"[[carriers]]{second}[[carriers]]{first}"
    assert difference(loaded(TWO), loaded(swapped)).routes


# -- the rows


@pytest.mark.parametrize("table", carrier_config.TABLES.values())
def test_every_field_has_its_row(table: type) -> None:
    rows = config_tables.keys(table)
    assert list(rows) == [each.name for each in dataclasses.fields(table)]
    for name, row in rows.items():
        assert row.about.endswith("."), name
        assert row.name


@pytest.mark.parametrize("table", carrier_config.TABLES.values())
def test_defaults_fit_their_types_and_rows(table: type) -> None:
    hints = typing.get_type_hints(table)
    for name, row in config_tables.keys(table).items():
        if row.many or row.by_name or row.required or row.default is None:
            continue
        allowed = typing.get_args(hints[name]) if typing.get_origin(hints[name]) is typing.Literal else ()
        assert row.choices == allowed, name
        assert isinstance(row.default, (row.type, hints[name])), name
        if not isinstance(row.default, Secret):
            assert config.parse(row, row.default, name) == row.default


def test_the_example_loads() -> None:
    deployment = carrier_config.load({}, {"ACME_PASSWORD": "secret"}, EXAMPLE)
    assert len(deployment.topology.carriers) >= 2
    assert deployment.topology.routes
    assert deployment.topology.rates
    deployment.topology.router({each: each for each in deployment.topology.projects()})
