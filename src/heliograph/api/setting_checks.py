"""What the settings of numbers and applications are checked with, the same in every family."""

from typing import Literal

from heliograph.api.services import Services
from heliograph.core import ids
from heliograph.core.number_settings import Checks
from heliograph.engine.own_documents import own_script
from heliograph.engine.urls import insecure, reach, url_fault


def checks_for(services: Services, project_id: str) -> Checks:
    """Return the checks for settings of one project."""
    reached = reach(services.config)
    project = services.directory.project(project_id)

    def fault(url: str) -> Literal["invalid", "unsafe", "insecure"] | None:
        found = url_fault(url, reached)
        if found != "invalid" and own_script(url, services.own_url()):
            return None
        return "insecure" if found is None and insecure(project, url) else found

    def is_application(given: str) -> bool:
        return ids.is_uuid(given) and services.directory.application(project_id, given) is not None

    def is_system_id(given: str) -> bool:
        credential = services.directory.smpp_credential(given)
        return credential is not None and credential.project_id == project_id

    return Checks(url_fault=fault, is_application=is_application, is_system_id=is_system_id)
