"""Serves a SWML document made with `signalwire-sdk`: ``signalwire_sdk_swml.py PORT USER PASSWORD LOOKUP``.

The SDK's web server checks the credentials and hands over what it was asked with. Its schema is that of calls, so its
check of the methods is off.
"""

import sys
from typing import Any

from signalwire.core.swml_service import SWMLService

HOST = "127.0.0.1"


class Messages(SWMLService):
    """`main` looks the sender up and answers by the first word; who says "dynamic" gets a document made for them."""

    def on_request(
        self, request_data: dict[str, Any] | None = None, callback_path: str | None = None
    ) -> dict[str, Any] | None:
        message = (request_data or {})["message"]
        if message["body"] != "dynamic":
            return None
        return {"sections": {"main": [{"reply": f"Made for {message['from']} at {message['timestamp']}"}]}}


def main() -> None:
    port, user, password, lookup = sys.argv[1:]
    service = Messages(
        "messages", route="/swml", host=HOST, port=int(port), basic_auth=(user, password), schema_validation=False
    )
    service.add_verb("request", {"url": lookup, "body": {"from": "%{message.from}"}, "save_variables": True})
    service.add_verb("execute", {"dest": "greeting", "params": {"name": "%{request_response.name}"}})
    keywords = {
        "help": [{"reply": {"body": "%{return_value} Say HELP or BYE."}}],
        "bye": [{"reply": "Bye."}, {"return": None}],
    }
    default = [{"reply": {"body": "%{return_value} What is that?"}}]
    service.add_verb(
        "switch",
        {"variable": "message.body", "transform": "lowercase_trim", "case": keywords, "default": default},
    )
    service.add_verb("reply", {"body": "Anything else?"})
    service.add_section("greeting")
    service.add_verb_to_section(
        "greeting",
        "switch",
        {
            "variable": "request_result",
            "case": {"success": [{"return": "Hello %{params.name}!"}]},
            "default": [{"return": "Hello!"}],
        },
    )
    service.serve(host=HOST, port=int(port))


if __name__ == "__main__":
    main()
