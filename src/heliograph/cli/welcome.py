"""What a new deployment's owner sees once: the credentials, a first message to paste, and the same in Python."""

import ipaddress
import shlex
from pathlib import Path
from urllib.parse import urlsplit

from heliograph.engine.provision import Provisioned

RECIPIENT = "+12065550123"
"""Nobody's: of those that are for examples."""

_SDK = """\
# pip install signalwire-sdk
from signalwire.rest import RestClient

client = RestClient(project="{project}", token="{token}", host="{host}")
print(client.messages.create(from_="{sender}", to="{recipient}", body="Hello from Heliograph"))"""

_SDK_2 = """\
# pip install "signalwire<3" "setuptools<81"
from signalwire.rest import Client

client = Client("{project}", "{token}", signalwire_space_url="{host}")
print(client.messages.create(from_="{sender}", to="{recipient}", body="Hello from Heliograph").sid)"""

_NEEDS_HTTPS = """\
# SignalWire's SDKs speak plain HTTP to this machine only. For clients on others serve HTTPS: set --tls-cert
# and --tls-key (`heliograph dev-cert` makes a pair), or --public-url where a proxy does it."""


def welcome(provisioned: Provisioned, base_url: str, ca: Path | None = None) -> str:
    """The text for people. `base_url` is scheme, host and port; `ca` the authority a client has to trust, if any."""
    return f"""\
A new project is ready. The API token is shown this once: keep it.

  Project      {provisioned.project.id}
  API token    {provisioned.api_token}
  Signing key  {provisioned.project.signing_key}
  Numbers      {", ".join(number.number for number in provisioned.numbers)}
  Server       {base_url}

Send a first message:

{_curl(provisioned, base_url, ca)}

The same in Python:

{_python(provisioned, base_url, ca)}
"""


def _curl(provisioned: Provisioned, base_url: str, ca: Path | None) -> str:
    project = provisioned.project.id
    sender, recipient = _pair(provisioned)
    trust = f"--cacert {shlex.quote(str(ca))} " if ca else ""
    return (
        f"curl {trust}-u '{project}:{provisioned.api_token}'"
        f" '{base_url}/api/laml/2010-04-01/Accounts/{project}/Messages'"
        f" --data-urlencode 'From={sender}' --data-urlencode 'To={recipient}'"
        " --data-urlencode 'Body=Hello from Heliograph'"
    )


def _python(provisioned: Provisioned, base_url: str, ca: Path | None) -> str:
    """The current SDK speaks HTTP to loopback and HTTPS elsewhere; the one before it always HTTPS."""
    url = urlsplit(base_url)
    local = _is_loopback(url.hostname or "")
    if url.scheme == "http" and not local:
        return _NEEDS_HTTPS
    sender, recipient = _pair(provisioned)
    snippet = (_SDK_2 if url.scheme == "https" and local else _SDK).format(
        project=provisioned.project.id,
        token=provisioned.api_token,
        host=url.netloc,
        sender=sender,
        recipient=recipient,
    )
    return f"# export REQUESTS_CA_BUNDLE={shlex.quote(str(ca))}\n{snippet}" if ca else snippet


def _pair(provisioned: Provisioned) -> tuple[str, str]:
    """Who sends to whom. Not to another number of the project: the simulated carrier brings nothing back in."""
    return provisioned.numbers[0].number, RECIPIENT


def _is_loopback(host: str) -> bool:
    try:
        return ipaddress.ip_address(host).is_loopback
    except ValueError:
        return host == "localhost"
