"""Which URLs a server calls, by its settings; and why not, in words."""

import pytest

from heliograph import config
from heliograph.core.addresses import Reach
from heliograph.engine import urls

LOCAL = {"host": "127.0.0.1", "simulator": "true"}


def loaded(**flags: object) -> config.Config:
    return config.load(flags, environ={})


@pytest.mark.parametrize(
    ("settings", "local"),
    [
        (LOCAL, True),
        (LOCAL | {"public_url": "http://localhost:8080"}, True),
        (LOCAL | {"public_url": "https://127.0.0.1"}, True),
        (LOCAL | {"public_url": "http://[::1]:8080/"}, True),
        (LOCAL | {"public_url": "http://sms.localhost"}, True),
        (LOCAL | {"public_url": "https://sandbox.example.com"}, False),
        (LOCAL | {"public_url": "https://10.0.0.1"}, False),
        (LOCAL | {"public_url": "localhost"}, False),
        (LOCAL | {"public_url": "http://[::1"}, False),
        (LOCAL | {"host": "0.0.0.0"}, False),
        (LOCAL | {"simulator": "false"}, False),
    ],
)
def test_server_for_its_own_machine_alone_calls_loopback(settings: dict[str, object], local: bool) -> None:
    made = loaded(**settings)
    assert urls.serves_this_machine(made) is local
    assert urls.reach(made).loopback is local
    assert urls.reach(loaded(**settings, allow_loopback_urls="true")).loopback is True
    assert urls.reach(loaded(**settings, allow_loopback_urls="false")).loopback is False


def test_allowed_networks_are_called() -> None:
    reach = urls.reach(loaded(allow_networks="10.0.0.0/8, fd12::/16"))
    assert urls.url_fault("http://10.1.2.3:3000/sms", reach) is None
    assert urls.url_fault("http://[fd12::1]/sms", reach) is None
    assert urls.url_fault("http://172.18.0.3/sms", reach) == "unsafe"
    assert urls.url_fault("http://169.254.169.254/", reach) == "unsafe"


@pytest.mark.parametrize(
    ("url", "words"),
    [
        ("http://10.1.2.3/sms", "allow_networks"),
        ("http://127.0.0.1/sms", "allow_loopback_urls"),
        ("http:///sms", "not a valid"),
        ("http://10.1.2.3:0/sms", "not a valid"),
    ],
)
def test_reason_names_the_setting_or_says_that_the_url_is_invalid(url: str, words: str) -> None:
    assert words in str(urls.uncalled(url, Reach()))


def test_called_url_has_no_reason() -> None:
    assert urls.uncalled("https://example.com/", Reach()) is None
