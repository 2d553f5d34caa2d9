"""cXML: CXML Scripts."""

import uuid

import claims
from claims import ISO_8601, UUID

from caller import Caller
from servers import Sink

DOCUMENT = "<Response><Message>From a script</Message></Response>"


def test_a_script(api: Caller, receiver: Sink, path: str) -> None:
    name = f"Script {uuid.uuid4()}"
    reply = api.ask("POST", f"{api.account}/LamlBins", form={"Name": name, "Contents": DOCUMENT})
    made = claims.answered("cxml.create_cxml_script", reply)
    claims.fields(
        "cxml.CxmlScript",
        made,
        {
            "sid": UUID,
            "date_created": ISO_8601,
            "date_updated": ISO_8601,
            "date_last_accessed": None,
            "account_sid": api.project_id,
            "name": name,
            "contents": DOCUMENT,
            "request_url": f"{api.base_url}/laml-bins/{made['sid']}",
            "num_requests": 0,
            "api_version": "2010-04-01",
            "uri": f"{api.account}/LamlBins/{made['sid']}",
        },
    )
    claims.effects("cxml.create_cxml_script", {"Name": (made["name"], name), "Contents": (made["contents"], DOCUMENT)})
    document = api.ask("GET", f"/laml-bins/{made['sid']}", headers={"Authorization": None})
    assert (document.status, document.body) == (200, DOCUMENT.encode())
    shown = claims.answered("cxml.retrieve_cxml_script", api.ask("GET", made["uri"]))
    claims.fields("cxml.CxmlScript", shown, {"num_requests": 1, "date_last_accessed": ISO_8601})


def test_a_script_is_listed_changed_and_deleted(api: Caller) -> None:
    name = f"Script-{uuid.uuid4()}"
    made = api.ask("POST", f"{api.account}/LamlBins", form={"Name": name, "Contents": DOCUMENT}).json()
    assert api.ask("POST", f"{api.account}/LamlBins", form={"Name": "another"}).status == 201
    page = claims.answered("cxml.list_cxml_scripts", api.ask("GET", f"{api.account}/LamlBins?Name={name}"))
    claims.fields("cxml.CxmlScriptList", page, {"laml_bins": [made]})
    claims.effects("cxml.list_cxml_scripts", {"Name": (page["laml_bins"], [made])})
    reply = api.ask("POST", made["uri"], form={"Name": "Other", "Contents": "<Response/>"})
    changed = claims.answered("cxml.update_cxml_script", reply)
    claims.effects(
        "cxml.update_cxml_script",
        {"Name": (changed["name"], "Other"), "Contents": (changed["contents"], "<Response/>")},
    )
    assert api.get(made["uri"])["contents"] == "<Response/>"
    claims.answered("cxml.delete_cxml_script", api.ask("DELETE", made["uri"]))
    claims.refused("cxml.retrieve_cxml_script", api.ask("GET", made["uri"]), 404)
