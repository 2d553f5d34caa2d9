"""SmppCarrier over TLS: its own authority, a client certificate, and the name that must be in the server's."""

import ssl
from collections.abc import AsyncIterator
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.x509.oid import NameOID
from smpp_ground import Ground, ground, message

from heliograph.carriers.smpp.carrier import SmppCarrier
from heliograph.net import certificates


@pytest.fixture(scope="module")
def files(tmp_path_factory: pytest.TempPathFactory) -> certificates.Certificates:
    return certificates.ensure(tmp_path_factory.mktemp("tls"), (), datetime.now(UTC))


@pytest.fixture(scope="module")
def ours(tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, Path]:
    """A certificate for clients, that signed itself, and its key."""
    folder = tmp_path_factory.mktemp("client")
    key = ec.generate_private_key(ec.SECP256R1())
    name = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, "us")])
    now = datetime.now(UTC)
    made = (
        x509.CertificateBuilder()
        .subject_name(name)
        .issuer_name(name)
        .public_key(key.public_key())
        .serial_number(1)
        .not_valid_before(now - timedelta(days=1))
        .not_valid_after(now + timedelta(days=1))
        .add_extension(x509.BasicConstraints(ca=True, path_length=None), critical=True)
        .sign(key, hashes.SHA256())
    )
    pem = serialization.Encoding.PEM
    (folder / "cert.pem").write_bytes(made.public_bytes(pem))
    secret = key.private_bytes(pem, serialization.PrivateFormat.PKCS8, serialization.NoEncryption())
    (folder / "key.pem").write_bytes(secret)
    return folder / "cert.pem", folder / "key.pem"


@pytest.fixture
async def here(files: certificates.Certificates, ours: tuple[Path, Path]) -> AsyncIterator[Ground]:
    """An SMSC that asks for a client certificate."""
    context = ssl.create_default_context(ssl.Purpose.CLIENT_AUTH, cafile=ours[0])
    context.load_cert_chain(files.certificate, files.key)
    context.verify_mode = ssl.CERT_OPTIONAL
    async with ground() as made:
        await made.smsc.close()
        await made.smsc.open(context=context)
        yield made


def trust(files: certificates.Certificates) -> dict[str, object]:
    return {"tls": True, "tls_ca": str(files.ca)}


async def test_bound_over_tls(here: Ground, files: certificates.Certificates) -> None:
    carrier = await here.carrier(**trust(files))
    assert (await carrier.submit(message())).refs == ("1",)
    assert here.smsc.connections[-1].transport.get_extra_info("cipher") is not None


async def test_a_client_certificate_is_shown(
    here: Ground, files: certificates.Certificates, ours: tuple[Path, Path]
) -> None:
    await here.carrier(**trust(files), tls_cert=str(ours[0]), tls_key=str(ours[1]))
    assert here.smsc.connections[-1].transport.get_extra_info("peercert")


async def test_a_certificate_of_an_unknown_authority_is_refused(here: Ground, files: certificates.Certificates) -> None:
    carrier = await here.carrier(bound=False, tls=True)
    failed = await _failure(here, carrier)
    assert "TLS: " in failed
    assert "CERTIFICATE_VERIFY_FAILED" in failed


async def test_another_name_is_refused(here: Ground, files: certificates.Certificates) -> None:
    carrier = await here.carrier(bound=False, **trust(files), tls_server_name="smsc.example.net")
    assert "smsc.example.net" in await _failure(here, carrier)


async def test_without_verification_anybody_may_listen(here: Ground) -> None:
    carrier = await here.carrier(tls=True, tls_verify=False)
    assert (await carrier.submit(message())).refs == ("1",)


async def test_files_that_are_not_there(here: Ground, files: certificates.Certificates) -> None:
    carrier = await here.carrier(bound=False, tls=True, tls_ca="/nowhere/ca.pem")
    assert "No such file" in await _failure(here, carrier)


async def _failure(here: Ground, carrier: SmppCarrier) -> str:
    return str(await here.desk.signal.until(lambda: carrier.status().binds[0].error))
