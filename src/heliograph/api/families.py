"""Every route of the server, family by family: what is served is what is documented."""

from heliograph.api.cxml import accounts, applications, available, imported, media, scripts
from heliograph.api.cxml import messages as cxml_messages
from heliograph.api.cxml import numbers as cxml_numbers
from heliograph.api.cxml import tokens as cxml_tokens
from heliograph.api.heliograph_api import callbacks, carriers, dropped, relay_clients, simulator, timeline
from heliograph.api.messaging import logs
from heliograph.api.messaging import messages as rest_messages
from heliograph.api.project import projects, tokens
from heliograph.api.relay_rest import groups, inventory, lookup, memberships, mfa, short_codes
from heliograph.api.relay_rest import numbers as relay_numbers
from heliograph.api.route import Route
from heliograph.api.system import health, site

_FAMILIES = (
    cxml_messages,
    media,
    cxml_numbers,
    available,
    imported,
    applications,
    scripts,
    accounts,
    cxml_tokens,
    rest_messages,
    logs,
    relay_numbers,
    inventory,
    groups,
    memberships,
    mfa,
    short_codes,
    lookup,
    projects,
    tokens,
    simulator,
    timeline,
    callbacks,
    carriers,
    dropped,
    relay_clients,
    health,
)


def all_routes() -> list[Route]:
    """Return all routes; the last ones are the documentation of them all."""
    described = [route for family in _FAMILIES for route in family.routes()]
    return [*described, *site.routes(described)]
