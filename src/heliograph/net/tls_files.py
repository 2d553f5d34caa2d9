"""A server's certificate and key files: the context that serves them, or a sentence about what is wrong."""

import ssl
from pathlib import Path

_ADVICE = "`heliograph dev-cert` makes a pair for tests"


class BadPair(Exception):
    """The files can't serve TLS; the text names the setting, the file and the fault."""


def server_context(certificate: str | None, key: str | None, prefix: str = "") -> ssl.SSLContext | None:
    """A context of these files; None where neither is set. `prefix`: of the settings' names. Raises BadPair."""
    cert_name, key_name = f"{prefix}tls_cert", f"{prefix}tls_key"
    if not certificate and not key:
        return None
    if not certificate or not key:
        raise BadPair(f"only one of {cert_name} and {key_name} is set: set both, or neither to serve without TLS")
    for name, path in ((cert_name, certificate), (key_name, key)):
        _refuse_unreadable(name, Path(path))
    context = ssl.create_default_context(ssl.Purpose.CLIENT_AUTH)
    try:
        context.load_cert_chain(certificate, key, password=_no_password)
    except _Encrypted:
        raise BadPair(f"{key_name} {key} is encrypted: give a key without a passphrase") from None
    except ssl.SSLError as error:
        if error.reason == "KEY_VALUES_MISMATCH":
            raise BadPair(f"{key_name} {key} is not the key of {cert_name} {certificate}; {_ADVICE}") from error
        raise BadPair(_not_pem(cert_name, Path(certificate), key_name, Path(key))) from error
    except OSError as error:
        raise BadPair(f"{cert_name} {certificate} and {key_name} {key}: {error.strerror}") from error
    return context


class _Encrypted(Exception):
    pass


def _no_password() -> str:
    """OpenSSL would ask the terminal."""
    raise _Encrypted


def _refuse_unreadable(name: str, path: Path) -> None:
    try:
        with path.open("rb") as file:
            file.read(1)
    except (OSError, ValueError) as error:
        raise BadPair(f"{name} {path} can't be read: {getattr(error, 'strerror', None) or error}") from error


def _not_pem(cert_name: str, certificate: Path, key_name: str, key: Path) -> str:
    if b"-----BEGIN CERTIFICATE-----" not in certificate.read_bytes():
        return f"{cert_name} {certificate} has no certificate in PEM form; {_ADVICE}"
    if b"PRIVATE KEY-----" not in key.read_bytes():
        return f"{key_name} {key} has no private key in PEM form; {_ADVICE}"
    return f"{cert_name} {certificate} and {key_name} {key} can't be used together; {_ADVICE}"
