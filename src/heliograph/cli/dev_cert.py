"""`heliograph dev-cert`: HTTPS on a developer's machine."""

import shlex
from datetime import UTC, datetime
from pathlib import Path

import click

from heliograph.cli import output, stores
from heliograph.cli.options import Call, common
from heliograph.net import certificates
from heliograph.net.certificates import Certificates
from heliograph.net.clock import SystemClock


@click.command("dev-cert")
@click.option("--host", "hosts", multiple=True, metavar="NAME", help="A further name or IP address, repeatable.")
@common
def dev_cert(call: Call, hosts: tuple[str, ...]) -> None:
    """Make a certificate for HTTPS on this machine.

    It is for localhost, 127.0.0.1 and ::1; the output says how clients come to trust it. A good one that is
    there already is kept. Only this one certificate can ever be signed by its authority, whose key is thrown
    away.
    """
    config = call.config()
    stores.prepare(config, create=True)
    folder = Path(config.data).absolute() / "tls"
    now = datetime.fromtimestamp(SystemClock().now() // 1_000_000, UTC)
    try:
        files = certificates.ensure(folder, hosts, now)
    except certificates.BadHost as error:
        raise output.Failure(f"--host: {error}", output.WRONG_USAGE) from error
    except OSError as error:
        raise output.Failure(f"{error.filename or folder} can't be written: {error.strerror}") from error
    paths = {"certificate": str(files.certificate), "key": str(files.key), "ca": str(files.ca)}
    output.result(call.as_json, paths, _human(files, str(config.data)))


def _human(files: Certificates, data: str) -> str:
    certificate, key, ca, folder = (
        shlex.quote(text) for text in (str(files.certificate), str(files.key), str(files.ca), data)
    )
    return f"""\
{"Made" if files.made else "Kept, still good"}:
  Certificate  {certificate}
  Key          {key}
  Authority    {ca}

Serve with it:
  heliograph serve --data {folder} --tls-cert {certificate} --tls-key {key}

Make clients trust it:
  curl     curl --cacert {ca} ...
  Python   export REQUESTS_CA_BUNDLE={ca} SSL_CERT_FILE={ca}
           (in place of the public authorities, so only for processes that talk to this server)
  Node     export NODE_EXTRA_CA_CERTS={ca}
  Relay    export SIGNALWIRE_RELAY_CA_FILE={ca}
           (the RelayClient of signalwire-sdk)"""
