"""What a person sees when a server starts: where it is, its projects and its documentation; once, also the credentials
of the first project, with a first message to paste in curl and in Python."""

import ipaddress
from collections.abc import Sequence
from pathlib import Path
from shlex import quote
from urllib.parse import urlsplit

from heliograph import __version__
from heliograph.core.directory import Number, Project
from heliograph.core.texts import printable
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


SHOWN_MAX = 5
"""Projects and numbers that a greeting lists; the rest is counted."""


def greeting(projects: Sequence[Project], numbers: Sequence[Number], base_url: str, data: str) -> str:
    """The text at each start."""
    lines = [f"Heliograph {__version__} listens at {base_url}", ""]
    lines += [f"  Project  {project.id}  {printable(project.name)}" for project in projects[:SHOWN_MAX]]
    if len(projects) > SHOWN_MAX:
        lines.append(f"           and {len(projects) - SHOWN_MAX} more: heliograph project list --data {quote(data)}")
    if numbers:
        shown = ", ".join(number.number for number in numbers[:SHOWN_MAX])
        more = f" and {len(numbers) - SHOWN_MAX} more" if len(numbers) > SHOWN_MAX else ""
        lines.append(f"  Numbers  {shown}{more}")
    lost = f"Lost the token? {new_token(data)}"
    none = "There is no project. A server that holds makes none: is this the store that was restored?"
    lines += [f"  Docs     {base_url}/docs", "", lost if projects else none, ""]
    return "\n".join(lines)


def new_token(data: str) -> str:
    """The command that makes another token."""
    return f"heliograph token create --name mine --data {quote(data)}"


def welcome(provisioned: Provisioned, base_url: str, ca: Path | None = None) -> str:
    """The text for people. `base_url` is scheme, host and port; `ca` the authority a client has to trust, if any."""
    numbers = ", ".join(number.number for number in provisioned.numbers)
    credentials = f"""\
A new project is ready. The API token is shown this once: keep it.

  Project      {provisioned.project.id}
  API token    {provisioned.api_token}
  Signing key  {provisioned.project.signing_key}
  Numbers      {numbers or "none: heliograph number add NUMBER gives it one"}
  Server       {base_url}
  Docs         {base_url}/docs
"""
    if not provisioned.numbers:
        return credentials
    return f"""\
{credentials}
Send a first message:

{_curl(provisioned, base_url, ca)}

The same in Python:

{_python(provisioned, base_url, ca)}
"""


def _curl(provisioned: Provisioned, base_url: str, ca: Path | None) -> str:
    project = provisioned.project.id
    sender, recipient = _pair(provisioned)
    trust = f"--cacert {quote(str(ca))} " if ca else ""
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
    return f"# export REQUESTS_CA_BUNDLE={quote(str(ca))}\n{snippet}" if ca else snippet


def _pair(provisioned: Provisioned) -> tuple[str, str]:
    """Who sends to whom. Not to another number of the project: the simulated carrier brings nothing back in."""
    return provisioned.numbers[0].number, RECIPIENT


def _is_loopback(host: str) -> bool:
    try:
        return ipaddress.ip_address(host).is_loopback
    except ValueError:
        return host == "localhost"
