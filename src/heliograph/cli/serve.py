"""`heliograph serve`: run the server until it is told to stop."""

import json
import os
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any
from urllib.parse import urlsplit

import click
import structlog

from heliograph import config as settings
from heliograph.cli import local, mounts, output, private_files, stores
from heliograph.cli.init import as_values
from heliograph.cli.options import Call, every_setting
from heliograph.cli.port_taken import holder
from heliograph.cli.welcome import greeting as as_text
from heliograph.cli.welcome import new_token, welcome
from heliograph.config import Config, ConfigError
from heliograph.core.errors import StoreUnavailable
from heliograph.engine.provision import Provisioned
from heliograph.engine.urls import reach
from heliograph.ports import FolderHeld, StoreHeld

if TYPE_CHECKING:  # it loads the whole server
    from heliograph.app import Greeting

log = structlog.get_logger(__name__)

CREDENTIALS_NAME = "first-project.json"
"""In the data folder: the first project's secrets, where they are not to be printed."""


@click.command()
@every_setting
def serve(call: Call) -> int:
    """Run the server until SIGTERM or Ctrl-C.

    On an empty store it first makes what `heliograph init` makes, and prints it. With --json one document is all that
    standard output gets.

    In production (the simulated carrier is off, or the host is not this machine alone), and with log_format=json, it
    prints no secret: the first project's are in the file first-project.json of the data folder, for its owner only.

    SIGHUP makes it read the file that --config names again: carriers, routes and rates take effect, and a file
    with a fault is refused.
    """
    from heliograph import app, reloading  # loads the whole server; `serve --help` needs none of it

    deployment = call.deployment()
    config = deployment.config
    source = reloading.Source(deployment, call.deployment if call.file else None)
    front = Front(config=config, as_json=call.as_json, is_secretive=app.is_production(config), known=call.variables())
    try:
        return app.serve(config, front, source=source)
    except ConfigError as error:
        raise output.Failure(_with_holder(config, error), output.WRONG_USAGE) from error
    except StoreHeld as error:
        other = "stop that, or give this one its own --data or --database-url"
        place = f"the data folder {config.data}" if isinstance(error, FolderHeld) else stores.place(config)
        raise output.Failure(f"{place} is in use by another server: {other}") from error
    except StoreUnavailable as error:
        raise output.Failure(stores.unusable(config, error)) from error
    except OSError as error:
        file = f"{error.filename}: " if error.filename else ""
        advice = f"check that the disk is not full and that this user may write in {config.data}"
        raise output.Failure(f"{file}{error.strerror or error}: {advice}") from error


def _with_holder(config: Config, error: ConfigError) -> str:
    from heliograph.app import CantListen

    if not isinstance(error, CantListen):
        return str(error)
    if not error.is_taken:
        return f"{error}. Choose another --host or --port (PORT= of make serve)"
    held = holder(Path(config.data), config.host, config.port)
    return f"{error}{held}. `--port` (PORT= of make serve) takes another; --port 0 takes a free one"


@dataclass(frozen=True, slots=True, kw_only=True)
class Front:
    """As app.Front. `is_secretive`: no secret goes to standard output. `known`: variables that the file names."""

    config: Config
    as_json: bool
    is_secretive: bool
    known: frozenset[str]

    def prepare(self) -> None:
        stores.prepare(self.config, create=True)
        data = Path(self.config.data)
        private_files.close_to_others(data)
        kind = mounts.kind_of(data)
        if kind is not None and mounts.is_remote(kind):
            log.warning("data.on_network_file_system", data=str(data), kind=kind, advice="use a local disk")
        for name, meant in settings.unknown_variables(os.environ, self.known).items():
            log.warning("config.unknown_variable", variable=name, perhaps_meant=meant or None)

    @property
    def _keeps(self) -> bool:
        """Whether secrets go to the file: a JSON log's consumer reads standard output as well."""
        return self.is_secretive or (self.config.log_format == "json" and not self.as_json)

    def keep(self, made: Provisioned) -> None:
        if self._keeps:
            private_files.write(self._credentials, json.dumps(as_values(made), indent=1))

    @property
    def _credentials(self) -> Path:
        return Path(self.config.data) / CREDENTIALS_NAME

    def greet(self, greeting: "Greeting") -> None:
        if greeting.made is not None and self._keeps:
            log.warning(
                "server.first_project",
                project_id=greeting.made.project.id,
                credentials=str(self._credentials),
                advice="read the token and the signing key there, then remove the file",
            )
        if self.as_json:
            click.echo(json.dumps(self._values(greeting), indent=2, ensure_ascii=False))
        elif self._keeps:
            log.info(
                "server.ready",
                docs=f"{greeting.base_url}/docs",
                projects=len(greeting.projects),
                numbers=len(greeting.numbers),
                lost_the_token=new_token(str(self.config.data)),
            )
        elif greeting.made is not None:
            click.echo(welcome(greeting.made, greeting.base_url, authority_of(self.config)))
        else:
            click.echo(as_text(greeting.projects, greeting.numbers, greeting.base_url, str(self.config.data)))

    def _values(self, greeting: "Greeting") -> dict[str, Any]:
        values: dict[str, Any] = {
            "url": greeting.base_url,
            "docs": f"{greeting.base_url}/docs",
            "projects": [{"id": project.id, "name": project.name} for project in greeting.projects],
            "numbers": [number.number for number in greeting.numbers],
        }
        if greeting.made is not None:
            made = as_values(greeting.made)
            values |= {"credentials_file": str(self._credentials)} if self._keeps else made
        return values

    def announce(self, own_url: str, local_secret: str) -> Callable[[], None]:
        data, at = Path(self.config.data), urlsplit(own_url)
        url = local.url_of(at.hostname or "", at.port or 0, tls=at.scheme == "https")
        certificate = Path(self.config.tls_cert) if self.config.tls_cert else None
        calls = local.Calls(reach=reach(self.config), public_url=self.config.public_url)
        running = local.announce(data, url, local_secret, certificate, calls)
        return lambda: local.withdraw(data, running)


def authority_of(config: Config) -> Path | None:
    """The authority that `heliograph dev-cert` left beside the certificate, for those who have to trust it."""
    if not config.tls_cert:
        return None
    ca = Path(config.tls_cert).with_name("ca.pem")
    return ca.absolute() if ca.is_file() else None
