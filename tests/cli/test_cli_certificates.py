"""Development certificates: accepted by strict clients, kept while good, made anew when not."""

import ipaddress
import os
import socket
import ssl
import stat
import threading
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
from cryptography import x509

from heliograph.cli import client
from heliograph.net import certificates
from heliograph.net.certificates import BadHost, Certificates

NOW = datetime.now(UTC)


@pytest.fixture
def files(tmp_path: Path) -> Certificates:
    return certificates.ensure(tmp_path / "tls", (), NOW)


@contextmanager
def serving(files: Certificates) -> Iterator[int]:
    """A TLS server on loopback that shakes hands once and hangs up."""
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(files.certificate, files.key)
    listener = socket.create_server(("127.0.0.1", 0))
    listener.settimeout(10)

    def answer() -> None:
        connection, _ = listener.accept()
        with connection, suppress(OSError):  # a client without trust leaves in the middle, as some tests want
            context.wrap_socket(connection, server_side=True).close()

    thread = threading.Thread(target=answer)
    thread.start()
    try:
        yield listener.getsockname()[1]
    finally:
        thread.join(10)
        listener.close()


def shake_hands(port: int, context: ssl.SSLContext, name: str) -> None:
    with socket.create_connection(("127.0.0.1", port), timeout=10) as plain:
        context.wrap_socket(plain, server_hostname=name).close()


@pytest.mark.parametrize("name", ["localhost", "127.0.0.1", "::1"])
def test_a_strict_client_that_trusts_the_authority_is_content(files: Certificates, name: str) -> None:
    context = ssl.create_default_context(cafile=files.ca)
    context.verify_flags |= ssl.VERIFY_X509_STRICT
    with serving(files) as port:
        shake_hands(port, context, name)


def test_a_client_that_trusts_only_the_public_authorities_is_not(files: Certificates) -> None:
    with serving(files) as port, pytest.raises(ssl.SSLCertVerificationError):
        shake_hands(port, ssl.create_default_context(), "localhost")


def test_a_name_that_was_not_asked_for_is_refused(files: Certificates) -> None:
    with serving(files) as port, pytest.raises(ssl.SSLCertVerificationError, match="Hostname mismatch"):
        shake_hands(port, ssl.create_default_context(cafile=files.ca), "example.com")


def test_commands_pin_the_certificate_and_no_other(files: Certificates, tmp_path: Path) -> None:
    with serving(files) as port:
        shake_hands(port, client.pinned(files.certificate.read_text()), "anything")
    other = certificates.ensure(tmp_path / "other", (), NOW)
    with serving(files) as port, pytest.raises(ssl.SSLCertVerificationError):
        shake_hands(port, client.pinned(other.certificate.read_text()), "anything")


def test_the_key_is_its_owners_alone_and_the_authoritys_is_gone(files: Certificates) -> None:
    assert stat.S_IMODE(os.stat(files.key).st_mode) == 0o600
    assert sorted(path.name for path in files.key.parent.iterdir()) == ["ca.pem", "cert.pem", "key.pem"]


def test_a_replaced_key_is_its_owners_alone(files: Certificates) -> None:
    files.key.write_text("not a key")
    files.key.chmod(0o644)
    again = certificates.ensure(files.key.parent, (), NOW)
    assert again.made
    assert stat.S_IMODE(os.stat(again.key).st_mode) == 0o600


def test_a_good_one_is_kept(files: Certificates) -> None:
    before = files.certificate.read_bytes()
    again = certificates.ensure(files.key.parent, ("localhost",), NOW)
    assert files.made
    assert not again.made
    assert again.certificate.read_bytes() == before


def test_further_hosts_are_named_and_kept(files: Certificates) -> None:
    wanted = ("phone.test", "10.0.0.7", "*.dev.test")
    again = certificates.ensure(files.key.parent, wanted, NOW)
    assert again.made
    assert not certificates.ensure(files.key.parent, ("PHONE.test",), NOW).made
    named = x509.load_pem_x509_certificate(again.certificate.read_bytes()).extensions.get_extension_for_class(
        x509.SubjectAlternativeName
    )
    assert named.value.get_values_for_type(x509.DNSName) == ["localhost", "phone.test", "*.dev.test"]
    assert ipaddress.ip_address("10.0.0.7") in named.value.get_values_for_type(x509.IPAddress)


@pytest.mark.parametrize("days", [certificates.VALID_DAYS - certificates.RENEW_DAYS, certificates.VALID_DAYS + 1, -2])
def test_one_out_of_its_time_is_replaced(files: Certificates, days: int) -> None:
    then = NOW + timedelta(days=days)
    assert certificates.ensure(files.key.parent, (), then).made
    assert not certificates.ensure(files.key.parent, (), then).made


@pytest.mark.parametrize("damaged", ["cert.pem", "key.pem", "ca.pem"])
def test_a_mixed_up_or_missing_file_is_mended(files: Certificates, tmp_path: Path, damaged: str) -> None:
    folder = files.key.parent
    other = certificates.ensure(tmp_path / "other", (), NOW).key.parent
    (folder / damaged).write_bytes((other / damaged).read_bytes())
    assert certificates.ensure(folder, (), NOW).made
    (folder / damaged).unlink()
    assert certificates.ensure(folder, (), NOW).made
    assert not certificates.ensure(folder, (), NOW).made


@pytest.mark.parametrize("host", ["", "a b", "-a", "a..b", "ünicode.test", "http://a", "a:80", "x" * 64, "a\n"])
def test_what_is_no_host_is_refused(tmp_path: Path, host: str) -> None:
    with pytest.raises(BadHost):
        certificates.ensure(tmp_path, (host,), NOW)
    assert list(tmp_path.iterdir()) == []
