"""`Accounts/{AccountSid}/tokens`: API tokens of a project and of its subprojects.

They are those of `/api/project/tokens`, in the cXML API's manner: forms or JSON in, its errors out. The names of
parameters are small here too.
"""

from functools import partial
from typing import Any

from heliograph.api import http
from heliograph.api.cxml.views import ROOT
from heliograph.api.fields import Body, Form
from heliograph.api.http import Request, Response
from heliograph.api.project import tokens
from heliograph.api.project.tokens import ApiToken, CreateToken, UpdateToken
from heliograph.api.route import Family, Route

_COLLECTION = ROOT + "/Accounts/{AccountSid}/tokens"
_ONE = _COLLECTION + "/{token_id}"
_LIST = "permissions"


async def create(request: Request, response: Response) -> None:
    await tokens.made(request, response, _body(await http.form(request)))


async def update(request: Request, response: Response, token_id: str) -> None:
    await tokens.changed(request, response, _body(await http.form(request)), token_id)


def _body(form: Form) -> Body:
    """The form as the JSON that says the same. A list is a repeated field, whose name may end in `[]`."""
    values: dict[str, Any] = {name: form.text(name) for name in ("name", "subproject_id") if name in form}
    if _LIST in form or f"{_LIST}[]" in form:
        values[_LIST] = [each for each in (*form.texts(_LIST), *form.texts(f"{_LIST}[]")) if each]
    return Body(values)


def routes() -> list[Route]:
    """Create, update, delete."""
    route = partial(Route, family=Family.CXML, scopes=("management",))
    return [
        route(
            method="POST",
            path=_COLLECTION,
            operation="create_account_token",
            summary="Create an API token",
            about="The secret is in this answer only.",
            handler=create,
            body=CreateToken,
            answers={200: ApiToken},
        ),
        route(
            method="PATCH",
            path=_ONE,
            operation="update_account_token",
            summary="Update an API token",
            handler=update,
            body=UpdateToken,
            answers={200: ApiToken},
        ),
        route(
            method="DELETE",
            path=_ONE,
            operation="delete_account_token",
            summary="Delete an API token",
            about="It is refused from then on.",
            handler=tokens.remove,
            answers={204: None},
        ),
    ]
