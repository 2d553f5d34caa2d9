"""`heliograph serve`: run the server until it is told to stop."""

from collections.abc import Callable
from pathlib import Path
from urllib.parse import urlsplit

import click

from heliograph.cli import local, output, stores
from heliograph.cli.init import as_values
from heliograph.cli.options import Call, every_setting
from heliograph.cli.welcome import welcome
from heliograph.config import Config, ConfigError
from heliograph.core.errors import StoreUnavailable
from heliograph.engine.provision import Provisioned
from heliograph.engine.urls import reach
from heliograph.ports import FolderHeld, StoreHeld


@click.command()
@every_setting
def serve(call: Call) -> int:
    """Run the server until SIGTERM or Ctrl-C.

    On an empty store it first makes what `heliograph init` makes, and prints it. With --json that one document
    is all that standard output gets.

    SIGHUP makes it read the file that --config names again: carriers, routes and rates take effect, and a file
    with a fault is refused.
    """
    from heliograph import app, reloading  # loads the whole server; `serve --help` needs none of it

    deployment = call.deployment()
    config = deployment.config
    source = reloading.Source(deployment, call.deployment if call.file else None)
    stores.prepare(config, create=True)

    def greet(provisioned: Provisioned, base_url: str) -> None:
        text = welcome(provisioned, base_url, authority_of(config))
        output.result(call.as_json, as_values(provisioned), text)

    def announce(own_url: str, secret: str) -> Callable[[], None]:
        data, at = Path(config.data), urlsplit(own_url)
        url = local.url_of(at.hostname or "", at.port or 0, tls=at.scheme == "https")
        certificate = Path(config.tls_cert) if config.tls_cert else None
        calls = local.Calls(reach=reach(config), public_url=config.public_url)
        running = local.announce(data, url, secret, certificate, calls)
        return lambda: local.withdraw(data, running)

    try:
        return app.serve(config, greet, announce, source=source)
    except ConfigError as error:
        raise output.Failure(str(error), output.WRONG_USAGE) from error
    except StoreHeld as error:
        other = "stop that, or give this one its own --data or --database-url"
        place = f"the data folder {config.data}" if isinstance(error, FolderHeld) else stores.place(config)
        raise output.Failure(f"{place} is in use by another server: {other}") from error
    except StoreUnavailable as error:
        what = f"{stores.place(config)} can't be used: {error or 'it does not answer'}"
        raise output.Failure(f"{what}. {stores.advice(config)}") from error


def authority_of(config: Config) -> Path | None:
    """The authority that `heliograph dev-cert` left beside the certificate, for those who have to trust it."""
    if not config.tls_cert:
        return None
    ca = Path(config.tls_cert).with_name("ca.pem")
    return ca.absolute() if ca.is_file() else None
