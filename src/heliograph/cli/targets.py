"""URLs that commands take: refused as the APIs refuse them, by the settings of the server that runs on the store."""

from pathlib import Path

from heliograph.cli import local, output
from heliograph.config import Config
from heliograph.core.directory import Project
from heliograph.engine import urls
from heliograph.engine.own_documents import own_script


def refuse_uncalled(config: Config, project: Project | None, url: str) -> None:
    """Raise Failure for a URL that the server would not call for this project. A script of its own takes no call."""
    running = _running(config)
    own = [config.public_url, running and running.public_url, running and running.url]
    if any(address and own_script(url, address.rstrip("/")) for address in own):
        return
    why = urls.uncalled(url, urls.reach(config) if running is None else running.reach)
    if why is None and urls.insecure(project, url):
        why = "the project's requests are forced to HTTPS, and this is not an https URL"
    if why is not None:
        raise output.Failure(f"{url!r}: {why}", output.WRONG_USAGE)


def _running(config: Config) -> local.Running | None:
    """The server, which may have been started with other settings than this command."""
    try:
        return local.find(Path(config.data))
    except local.Unreadable:
        return None
