"""SMPP credentials: what is made, what is kept of it, whom it lets in, and what is refused."""

import dataclasses
from collections.abc import Callable

import pytest

from heliograph.core.directory import SmppCredential
from heliograph.engine import slow_hashes, smpp_credentials
from heliograph.engine.provision import Refused
from heliograph.engine.smpp_credentials import Forge, Wish

NOW = 1_800_000_000_000_000


class StillClock:
    def now(self) -> int:
        return NOW

    def monotonic(self) -> float:
        return 0.0


def counting() -> Callable[[int], bytes]:
    """0xFF first, which no character may come of; then 0, 1, 2 ..."""
    drawn = iter([255, *range(255)])
    return lambda count: bytes([next(drawn)]) * count


@pytest.fixture
def made() -> tuple[SmppCredential, str]:
    return Forge(StillClock(), counting()).credential("p", "acme", Wish())


def test_the_password_has_eight_characters_and_only_its_hash_is_kept(made: tuple[SmppCredential, str]) -> None:
    credential, password = made
    assert password == "23456789"
    assert password not in repr(dataclasses.asdict(credential))
    assert credential.password_hash.startswith("scrypt$16384$8$1$")
    assert "scrypt" not in repr(credential)


def test_only_its_password_matches_a_hash(made: tuple[SmppCredential, str]) -> None:
    credential, password = made
    assert slow_hashes.matches(credential.password_hash, password)
    for wrong in ("", password[:-1], password + "x", "é" * 8, "\udcff"):
        assert not slow_hashes.matches(credential.password_hash, wrong)
    assert not slow_hashes.matches(smpp_credentials.NOBODY, "")


def test_the_same_password_is_kept_differently_each_time() -> None:
    assert smpp_credentials.hashed("secret", b"1" * 16) != smpp_credentials.hashed("secret", b"2" * 16)


def test_a_change_keeps_what_is_not_named(made: tuple[SmppCredential, str]) -> None:
    credential, password = made
    forge = Forge(StillClock())
    following, nothing = forge.changed(credential, Wish(rate=50, allowed=("192.0.2.7",)))
    assert (following.rate, following.allowed, following.max_binds) == (50, ("192.0.2.7/32",), credential.max_binds)
    assert nothing is None and following.password_hash == credential.password_hash
    following, new = forge.changed(following, Wish(new_password=True, allowed=()))
    assert new is not None and slow_hashes.matches(following.password_hash, new)
    assert not slow_hashes.matches(following.password_hash, password)
    assert (following.rate, following.allowed) == (50, ())


@pytest.mark.parametrize(
    "wish",
    [
        Wish(max_binds=0),
        Wish(rate=-1),
        Wish(window=0),
        Wish(alphabet="ebcdic"),
        Wish(long_mode="carrier pigeon"),
        Wish(allowed=("192.0.2.1/24",)),
        Wish(allowed=("example.net",)),
        Wish(name=" "),
    ],
)
def test_what_would_not_work_is_refused(made: tuple[SmppCredential, str], wish: Wish) -> None:
    with pytest.raises(Refused):
        Forge(StillClock()).changed(made[0], wish)


@pytest.mark.parametrize("system_id", ["", "a" * 16, "a b", "a:b", "a/b", "ä"])
def test_a_system_id_that_does_not_fit_the_field_or_an_address_is_refused(system_id: str) -> None:
    with pytest.raises(Refused):
        Forge(StillClock()).credential("p", system_id, Wish())


@pytest.mark.parametrize(
    ("allowed", "address", "may"),
    [
        ((), "203.0.113.9", True),
        (("192.0.2.0/24",), "192.0.2.200", True),
        (("192.0.2.0/24",), "192.0.3.1", False),
        (("192.0.2.0/24",), "::ffff:192.0.2.1", True),
        (("2001:db8::/32", "192.0.2.1"), "2001:db8::9", True),
        (("2001:db8::/32",), "192.0.2.1", False),
        (("fe80::/10",), "fe80::1%eth0", True),
    ],
)
def test_only_allowed_networks_may_use_it(
    made: tuple[SmppCredential, str], allowed: tuple[str, ...], address: str, may: bool
) -> None:
    credential, _ = Forge(StillClock()).changed(made[0], Wish(allowed=allowed))
    assert smpp_credentials.is_allowed(credential, address) is may
