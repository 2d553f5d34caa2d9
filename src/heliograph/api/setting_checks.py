"""What the settings of numbers and applications are checked with, the same in every family."""

import ipaddress
from typing import Literal

from heliograph.api.services import Services
from heliograph.config import Config
from heliograph.core import ids
from heliograph.core.number_settings import Checks
from heliograph.engine.own_documents import own_script
from heliograph.engine.urls import insecure, url_fault


def checks_for(services: Services, project_id: str) -> Checks:
    """Return the checks for settings of one project."""
    allow_loopback = allows_loopback(services.config)

    project = services.directory.project(project_id)

    def fault(url: str) -> Literal["invalid", "unsafe", "insecure"] | None:
        found = url_fault(url, allow_loopback)
        if found != "invalid" and own_script(url, services.own_url()):
            return None
        return "insecure" if found is None and insecure(project, url) else found

    def is_application(given: str) -> bool:
        return ids.is_uuid(given) and services.directory.application(project_id, given) is not None

    def is_system_id(given: str) -> bool:
        credential = services.directory.smpp_credential(given)
        return credential is not None and credential.project_id == project_id

    return Checks(url_fault=fault, is_application=is_application, is_system_id=is_system_id)


def allows_loopback(config: Config) -> bool:
    """Whether URLs may point to this machine: the setting, or where it is unset, a server that only serves its own
    machine and talks to no real carrier."""
    if config.allow_loopback_urls is not None:
        return bool(config.allow_loopback_urls)
    return bool(config.simulator) and is_loopback(str(config.host))


def is_loopback(host: str) -> bool:
    """Whether a host to listen on is this machine alone."""
    try:
        return ipaddress.ip_address(host).is_loopback
    except ValueError:
        return host == "localhost"
