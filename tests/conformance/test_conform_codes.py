"""REST: codes (Multi-Factor Authentication)."""

import re

import claims
from claims import UUID

from caller import Caller, new_handset

MFA = "/api/relay/rest/mfa"
NEVER_ANSWERED = "+15005554001"


def test_a_code(api: Caller) -> None:
    to = new_handset()
    asked = {
        "to": to,
        "from": api.sender,
        "message": "The code is:",
        "token_length": 8,
        "valid_for": 600,
        "max_attempts": 2,
        "allow_alphas": False,
    }
    made = claims.answered("rest.request_mfa_sms", api.ask("POST", f"{MFA}/sms", body=asked))
    claims.fields("rest.Mfa", made, {"id": UUID, "success": True, "to": to, "channel": "sms"})
    sent = _sent(api, to)
    code = sent["body"].rpartition(" ")[2]
    claims.effects(
        "rest.request_mfa_sms",
        {
            "to": (sent["to"], to),
            "from": (sent["from"], api.sender),
            "message": (sent["body"], f"The code is: {code}"),
            "token_length": (len(code), 8),
        },
    )
    where = f"{MFA}/{made['id']}/verify"
    wrong = claims.answered("rest.verify_mfa_token", api.ask("POST", where, body={"token": "0000"}))
    right = claims.answered("rest.verify_mfa_token", api.ask("POST", where, body={"token": code}))
    claims.fields("rest.MfaVerify", right, {"success": True})
    claims.effects("rest.verify_mfa_token", {"token": ((wrong["success"], right["success"]), (False, True))})


def test_attempts_at_a_code_run_out(api: Caller) -> None:
    to = new_handset()
    made = api.ask("POST", f"{MFA}/sms", body={"to": to, "from": api.sender, "max_attempts": 1}).json()
    code = _sent(api, to)["body"].rpartition(" ")[2]
    where = f"{MFA}/{made['id']}/verify"
    wrong = api.ask("POST", where, body={"token": "0000"})
    right = api.ask("POST", where, body={"token": code})
    claims.effects("rest.request_mfa_sms", {"max_attempts": ((wrong.json(), right.status), ({"success": False}, 404))})


def test_a_code_expires(api: Caller) -> None:
    """A message that is valid for as long, and made later, tells when the code's time is over."""
    to = new_handset()
    made = api.ask("POST", f"{MFA}/sms", body={"to": to, "from": api.sender, "valid_for": 1}).json()
    code = _sent(api, to)["body"].rpartition(" ")[2]
    api.once(api.send(To=NEVER_ANSWERED, ValidityPeriod="1")["sid"], "undelivered")
    late = api.ask("POST", f"{MFA}/{made['id']}/verify", body={"token": code})
    claims.effects("rest.request_mfa_sms", {"valid_for": (late.status, 404)})


def test_letters_in_a_code(api: Caller) -> None:
    """Of twenty characters out of letters and digits, one is a letter, but for one code in a hundred thousand."""
    to = new_handset()
    asked = {"to": to, "from": api.sender, "allow_alphas": True, "token_length": 20}
    assert api.ask("POST", f"{MFA}/sms", body=asked).status == 200
    code = _sent(api, to)["body"].rpartition(" ")[2]
    claims.effects("rest.request_mfa_sms", {"allow_alphas": (re.search("[A-Za-z]", code) is not None, True)})


def _sent(api: Caller, to: str) -> dict[str, str]:
    """The newest message to a handset."""
    page = api.get(f"{api.messages}?To=%2B{to[1:]}")
    return dict(page["messages"][0])
