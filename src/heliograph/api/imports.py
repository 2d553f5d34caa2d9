"""What the two `imported phone numbers` endpoints have in common: what may be brought along, and by whom."""

from collections.abc import Sequence

from heliograph.api.http import Request
from heliograph.core import inventory, numbers
from heliograph.core.directory import Number
from heliograph.core.errors import Fault, Refusal, Refused, refuse
from heliograph.core.number_refusals import invalid_number
from heliograph.engine.urls import serves_this_machine

NUMBER_TYPES = ("longcode", "tollfree")


async def bring(request: Request, number: str | None, number_type: str | None, capabilities: Sequence[str]) -> Number:
    """A number that is hosted elsewhere becomes the project's. Raises Refused with every fault."""
    if not _allowed(request):
        raise refuse(Fault.IMPORT_DISABLED)
    number = None if number is None else numbers.typed(number)
    faults = list(_faults(number, number_type))
    chosen: tuple[str, ...] = ()
    try:
        chosen = inventory.chosen_capabilities(capabilities)
    except ValueError as error:
        faults.append(Refusal(Fault.PARAMETER_INVALID, f"The number {error}.", "capabilities"))
    if faults or number is None:
        raise Refused(*faults)
    return await request.services.number_orders.bring(request.project, number, chosen)


def _allowed(request: Request) -> bool:
    """By the setting; unset, on a server that only serves its own machine: elsewhere a project could take anybody's
    number to be its own, and get what is sent to it."""
    config = request.services.config
    return serves_this_machine(config) if config.allow_number_import is None else bool(config.allow_number_import)


def _faults(number: str | None, number_type: str | None) -> list[Refusal]:
    faults = []
    if not number:
        faults.append(Refusal(Fault.NUMBER_MISSING))
    elif not numbers.is_e164(number):
        faults.append(invalid_number(Fault.NUMBER_INVALID, "phone number", number))
    if not number_type:
        faults.append(Refusal(Fault.PARAMETER_MISSING, "number_type is required.", "number_type"))
    elif number_type not in NUMBER_TYPES:
        message = f"number_type must be one of {', '.join(NUMBER_TYPES)}."
        faults.append(Refusal(Fault.PARAMETER_INVALID, message, "number_type"))
    return faults
