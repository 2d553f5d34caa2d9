"""What the specification has and this server hasn't: who asks is told so."""

import uuid

import claims

from caller import Caller
from servers import Reply

ID = str(uuid.uuid4())
WHATSAPP = "/api/messaging/whatsapp"
REGISTRY = "/api/relay/rest/registry/beta"
NUMBER = f"/api/relay/rest/phone_numbers/{ID}/e911_address"


def test_whatsapp(api: Caller) -> None:
    claims.absent("rest.list_whatsapp_businesses", api.ask("GET", f"{WHATSAPP}/businesses"))
    claims.absent("rest.list_whatsapp_numbers", api.ask("GET", f"{WHATSAPP}/numbers"))
    claims.absent("rest.retrieve_whatsapp_number", api.ask("GET", f"{WHATSAPP}/numbers/{ID}"))
    claims.absent("rest.list_whatsapp_templates", api.ask("GET", f"{WHATSAPP}/templates"))
    claims.absent("rest.create_whatsapp_template", _send(api, "POST", f"{WHATSAPP}/templates"))
    claims.absent("rest.retrieve_whatsapp_template", api.ask("GET", f"{WHATSAPP}/templates/{ID}"))
    claims.absent("rest.update_whatsapp_template", _send(api, "PATCH", f"{WHATSAPP}/templates/{ID}"))
    claims.absent("rest.delete_whatsapp_template", api.ask("DELETE", f"{WHATSAPP}/templates/{ID}"))


def test_the_campaign_registry(api: Caller) -> None:
    claims.absent("rest.list_brands", api.ask("GET", f"{REGISTRY}/brands"))
    claims.absent("rest.create_brand", _send(api, "POST", f"{REGISTRY}/brands"))
    claims.absent("rest.retrieve_brand", api.ask("GET", f"{REGISTRY}/brands/{ID}"))
    claims.absent("rest.list_campaigns", api.ask("GET", f"{REGISTRY}/brands/{ID}/campaigns"))
    claims.absent("rest.create_campaign", _send(api, "POST", f"{REGISTRY}/brands/{ID}/campaigns"))
    claims.absent("rest.retrieve_campaign", api.ask("GET", f"{REGISTRY}/campaigns/{ID}"))
    claims.absent("rest.update_campaign", _send(api, "PUT", f"{REGISTRY}/campaigns/{ID}"))
    claims.absent("rest.list_number_assignments", api.ask("GET", f"{REGISTRY}/campaigns/{ID}/numbers"))
    claims.absent("rest.list_orders", api.ask("GET", f"{REGISTRY}/campaigns/{ID}/orders"))
    claims.absent("rest.create_order", _send(api, "POST", f"{REGISTRY}/campaigns/{ID}/orders"))
    claims.absent("rest.delete_number_assignment", api.ask("DELETE", f"{REGISTRY}/numbers/{ID}"))
    claims.absent("rest.retrieve_order", api.ask("GET", f"{REGISTRY}/orders/{ID}"))


def test_calls(api: Caller) -> None:
    claims.absent("rest.assign_e911_address", _send(api, "POST", NUMBER))
    claims.absent("rest.remove_e911_address", api.ask("DELETE", NUMBER))
    claims.absent("rest.request_mfa_call", _send(api, "POST", "/api/relay/rest/mfa/call"))


def _send(api: Caller, method: str, path: str) -> Reply:
    return api.ask(method, path, body={"name": "x"})
