"""`ImportedPhoneNumbers`: a number that is hosted elsewhere, for use with this deployment."""

from typing import Annotated

import msgspec
from msgspec import Meta

from heliograph.api import http, imports
from heliograph.api.cxml.numbers import IncomingPhoneNumber, view
from heliograph.api.cxml.views import ROOT
from heliograph.api.http import Request, Response
from heliograph.api.route import Family, Route
from heliograph.core.directory import CAPABILITIES


class CreateImportedPhoneNumber(msgspec.Struct, kw_only=True):
    """The number, in the JSON APIs' words, as SignalWire has it."""

    number: Annotated[str, Meta(description="E.164.", pattern=r"^\+[0-9]{5,17}$", examples=["+4915223433333"])]
    number_type: Annotated[
        str,
        Meta(
            description="longcode or tollfree.",
            extra_json_schema={"enum": list(imports.NUMBER_TYPES)},
            examples=["longcode"],
        ),
    ]
    capabilities: (
        Annotated[
            list[Annotated[str, Meta(extra_json_schema={"enum": list(CAPABILITIES)})]],
            Meta(description="What it can do; everything unless told.", examples=[["sms", "mms"]]),
        ]
        | msgspec.UnsetType
    ) = msgspec.UNSET


async def create(request: Request, response: Response) -> None:
    form = await http.form(request)
    capabilities = [*form.texts("capabilities"), *form.texts("capabilities[]")]
    number = await imports.bring(request, form.filled("number"), form.filled("number_type"), capabilities)
    http.reply(response, 201, view(number))


def routes() -> list[Route]:
    return [
        Route(
            method="POST",
            path=ROOT + "/Accounts/{AccountSid}/ImportedPhoneNumbers",
            family=Family.CXML,
            operation="create_imported_phone_number",
            summary="Import a phone number",
            about="For deployments that allow it (setting `allow_number_import`).",
            handler=create,
            body=CreateImportedPhoneNumber,
            answers={201: IncomingPhoneNumber},
            scopes=("numbers",),
        )
    ]
