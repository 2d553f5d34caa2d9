"""Certificates for development: an authority of one's own and a certificate that it signed for this machine.

The authority's key is thrown away as soon as it has signed. Whoever trusts the authority therefore trusts this
one certificate and nothing that anyone could make later; a new certificate brings a new authority, at the same
path. Rules of shape: RFC 5280, and what OpenSSL asks for under X509_V_FLAG_X509_STRICT (Python 3.13's default).
"""

import ipaddress
import re
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from pathlib import Path
from typing import Final

from cryptography import x509
from cryptography.exceptions import InvalidSignature, UnsupportedAlgorithm
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.x509.oid import ExtendedKeyUsageOID, NameOID

LOCAL_HOSTS: Final = ("localhost", "127.0.0.1", "::1")
VALID_DAYS: Final = 820
"""Apple's clients refuse a server certificate that is valid for more than 825 days, whoever signed it."""
RENEW_DAYS: Final = 30

_BACKDATED: Final = timedelta(days=1)
"""For clients whose clocks are behind."""

_is_host_name: Final = re.compile(
    r"(?=.{1,253}\Z)(?:\*\.)?(?!-)[a-z0-9-]{1,63}(?<!-)(?:\.(?!-)[a-z0-9-]{1,63}(?<!-))*", re.IGNORECASE
).fullmatch


class BadHost(ValueError):
    """Not a host name in ASCII (punycode for others) and not an IP address."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Certificates:
    """Where the files are; `made`: by this call, False where good ones were there."""

    certificate: Path
    key: Path
    ca: Path
    made: bool


def ensure(folder: Path, extra_hosts: Sequence[str], now: datetime) -> Certificates:
    """Keep the certificate in `folder` if it is whole, names every host and has a month left; else make a new one.

    `now` carries its time zone. Raises BadHost, and OSError where the folder can't be written.
    """
    names = [_general_name(host) for host in dict.fromkeys((*LOCAL_HOSTS, *extra_hosts))]
    kept = Certificates(certificate=folder / "cert.pem", key=folder / "key.pem", ca=folder / "ca.pem", made=False)
    if _usable(kept, names, now):
        return kept
    made = Certificates(certificate=kept.certificate, key=kept.key, ca=kept.ca, made=True)
    _make(made, names, now)
    return made


def _general_name(host: str) -> x509.GeneralName:
    try:
        return x509.IPAddress(ipaddress.ip_address(host))
    except ValueError:
        if not _is_host_name(host):
            raise BadHost(f"{host!r} is neither a host name nor an IP address") from None
        return x509.DNSName(host.lower())


def _usable(files: Certificates, names: Sequence[x509.GeneralName], now: datetime) -> bool:
    try:
        ca = x509.load_pem_x509_certificate(files.ca.read_bytes())
        certificate = x509.load_pem_x509_certificate(files.certificate.read_bytes())
        key = serialization.load_pem_private_key(files.key.read_bytes(), password=None)
        certificate.verify_directly_issued_by(ca)
        named = certificate.extensions.get_extension_for_class(x509.SubjectAlternativeName).value
    except (OSError, ValueError, TypeError, InvalidSignature, UnsupportedAlgorithm, x509.ExtensionNotFound):
        return False
    lasts = certificate.not_valid_before_utc <= now <= certificate.not_valid_after_utc - timedelta(days=RENEW_DAYS)
    return lasts and set(names) <= set(named) and key.public_key() == certificate.public_key()


def _make(files: Certificates, names: Sequence[x509.GeneralName], now: datetime) -> None:
    ca_key, key = ec.generate_private_key(ec.SECP256R1()), ec.generate_private_key(ec.SECP256R1())
    ca = _authority(ca_key, now)
    certificate = _server_certificate(key, ca, ca_key, names, now)
    files.key.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
    # The key first: what a crash leaves behind doesn't match, is seen as unusable and is made anew.
    files.key.unlink(missing_ok=True)
    files.key.touch(mode=0o600, exist_ok=False)
    files.key.write_bytes(
        key.private_bytes(serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption())
    )
    files.certificate.write_bytes(certificate.public_bytes(serialization.Encoding.PEM))
    files.ca.write_bytes(ca.public_bytes(serialization.Encoding.PEM))


def _authority(key: ec.EllipticCurvePrivateKey, now: datetime) -> x509.Certificate:
    name = _name(f"Heliograph development authority {now:%Y-%m-%d}")
    usage = _usage(key_cert_sign=True, crl_sign=True)
    return (
        _builder(name, name, key.public_key(), now)
        .add_extension(x509.BasicConstraints(ca=True, path_length=0), critical=True)
        .add_extension(usage, critical=True)
        .sign(key, hashes.SHA256())
    )


def _server_certificate(
    key: ec.EllipticCurvePrivateKey,
    ca: x509.Certificate,
    ca_key: ec.EllipticCurvePrivateKey,
    names: Sequence[x509.GeneralName],
    now: datetime,
) -> x509.Certificate:
    authority = x509.AuthorityKeyIdentifier.from_issuer_public_key(ca_key.public_key())
    return (
        _builder(_name("Heliograph development server"), ca.subject, key.public_key(), now)
        .add_extension(x509.BasicConstraints(ca=False, path_length=None), critical=True)
        .add_extension(_usage(digital_signature=True), critical=True)
        .add_extension(x509.ExtendedKeyUsage([ExtendedKeyUsageOID.SERVER_AUTH]), critical=False)
        .add_extension(x509.SubjectAlternativeName(names), critical=False)
        .add_extension(authority, critical=False)
        .sign(ca_key, hashes.SHA256())
    )


def _builder(
    subject: x509.Name, issuer: x509.Name, key: ec.EllipticCurvePublicKey, now: datetime
) -> x509.CertificateBuilder:
    return (
        x509.CertificateBuilder()
        .subject_name(subject)
        .issuer_name(issuer)
        .public_key(key)
        .serial_number(x509.random_serial_number())
        .not_valid_before(now - _BACKDATED)
        .not_valid_after(now - _BACKDATED + timedelta(days=VALID_DAYS))
        .add_extension(x509.SubjectKeyIdentifier.from_public_key(key), critical=False)
    )


def _name(common_name: str) -> x509.Name:
    return x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, common_name)])


def _usage(*, digital_signature: bool = False, key_cert_sign: bool = False, crl_sign: bool = False) -> x509.KeyUsage:
    return x509.KeyUsage(
        digital_signature=digital_signature,
        key_cert_sign=key_cert_sign,
        crl_sign=crl_sign,
        content_commitment=False,
        key_encipherment=False,
        data_encipherment=False,
        key_agreement=False,
        encipher_only=False,
        decipher_only=False,
    )
