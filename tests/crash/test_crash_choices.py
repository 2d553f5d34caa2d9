"""Killed while a sticky group's senders are chosen and codes are told back, on both stores: whoever got a message from
one of a group's numbers gets all others from the same, and a code has no attempt and no success too many.

HELIOGRAPH_CRASH_ROUNDS and HELIOGRAPH_CRASH_SEED as in test_crash.py.
"""

import http.client
import os
import random
import secrets
from collections import defaultdict
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from itertools import count
from threading import Event

from caller import MFA, Caller, new_handset
from servers import HeliographServer, ServerFactory
from traffic import all_messages, log_shown

ROUNDS = int(os.environ.get("HELIOGRAPH_CRASH_ROUNDS", "2"))
CALLERS = 8
ATTEMPTS = 20
MOMENT_SECONDS = 30.0
SETTINGS = {"simulator_answer_ms": 5, "rate_limit_writes": 0, "backlog_limit": 0, "sticky_memory_max": 5}


def _dice() -> random.Random:
    seed = int(os.environ.get("HELIOGRAPH_CRASH_SEED", secrets.randbits(32)))
    print(f"HELIOGRAPH_CRASH_SEED={seed}")
    return random.Random(seed)


def _killed_after(node: HeliographServer, answers: int, work: Callable[[], bool]) -> None:
    """Do the same from several callers at once until so many were answered, then kill the server amid the others."""
    answered, enough, over = count(1), Event(), Event()

    def call() -> None:
        while not over.is_set():
            try:
                if work() and next(answered) >= answers:
                    enough.set()
            except (OSError, http.client.HTTPException):
                return

    with ThreadPoolExecutor(CALLERS) as callers:
        calls = [callers.submit(call) for _ in range(CALLERS)]
        try:
            assert enough.wait(MOMENT_SECONDS), "the server did not answer so often"
        finally:
            node.kill()
            over.set()
    for each in calls:
        each.result()


def test_a_recipient_keeps_its_sender_through_kills(server: ServerFactory, store_url: str | None) -> None:
    dice = _dice()
    node = server(database_url=store_url, settings=SETTINGS)
    api = Caller.of(node)
    members = node.credentials.numbers
    group = api.group(*members, sticky=True)
    recipients = [new_handset() for _ in range(30)]

    def send() -> bool:
        reply = api.create(To=dice.choice(recipients), From="", MessagingServiceSid=group)
        assert reply.status == 201, reply.body
        return True

    with log_shown(node):
        for _ in range(ROUNDS):
            _killed_after(node, dice.randint(10, 60), send)
            node.start()
        for to in recipients:
            assert api.create(To=to, From="", MessagingServiceSid=group).status == 201
        senders = defaultdict(set)
        for message in all_messages(node).values():
            senders[message["to"]].add(message["from"])
    assert {to: tuple(found) for to, found in senders.items() if len(found) > 1} == {}
    assert set(senders) == set(recipients)
    assert set().union(*senders.values()) == set(members)


def test_a_code_has_no_attempt_too_many_through_kills(server: ServerFactory, store_url: str | None) -> None:
    dice = _dice()
    node = server(database_url=store_url, settings=SETTINGS)
    api = Caller.of(node)
    told: list[int] = []

    with log_shown(node):
        made = api.ask("POST", f"{MFA}/sms", body={"to": new_handset(), "max_attempts": ATTEMPTS}).json()["id"]

        def guess() -> bool:
            told.append(api.ask("POST", f"{MFA}/{made}/verify", body={"token": "wrong"}).status)
            return True

        for _ in range(ROUNDS):
            _killed_after(node, dice.randint(1, max(1, ATTEMPTS // ROUNDS)), guess)
            node.start()
        while guess() and told[-1] != 404:
            pass
    assert set(told) == {200, 404}
    assert ATTEMPTS - ROUNDS * CALLERS <= told.count(200) <= ATTEMPTS


def test_a_right_code_is_right_once_through_kills(server: ServerFactory, store_url: str | None) -> None:
    node = server(database_url=store_url, settings=SETTINGS)
    api = Caller.of(node)
    right: list[str] = []

    def ask_and_tell() -> bool:
        to = new_handset()
        made = api.ask("POST", f"{MFA}/sms", body={"to": to, "max_attempts": ATTEMPTS}).json()["id"]
        code = api.get(f"{api.messages}?To=%2B{to[1:]}")["messages"][0]["body"].split()[-1]
        codes[made] = code
        for _ in range(2):
            if api.ask("POST", f"{MFA}/{made}/verify", body={"token": code}).json() == {"success": True}:
                right.append(made)
        return True

    codes: dict[str, str] = {}
    with log_shown(node):
        for _ in range(ROUNDS):
            _killed_after(node, 5, ask_and_tell)
            node.start()
        for made, code in codes.items():
            if api.ask("POST", f"{MFA}/{made}/verify", body={"token": code}).json() == {"success": True}:
                right.append(made)
    assert len(right) == len(set(right)) and set(right) <= set(codes)
    assert len(codes) - len(right) <= ROUNDS * CALLERS
