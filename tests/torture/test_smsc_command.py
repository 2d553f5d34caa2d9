"""`heliograph smsc` in a process of its own."""

import asyncio
import json
import os
import signal
import socket
import subprocess
import sys
from collections.abc import AsyncIterator, Callable, Coroutine
from pathlib import Path
from typing import Any

import pytest
from esme import Esme

from heliograph.torture import faults, journal
from heliograph.wire.smpp import pdu as smpp
from heliograph.wire.smpp import text
from heliograph.wire.smpp.pdu import Command, Status

PROGRAM = (sys.executable, "-c", "from heliograph.cli.main import main; main()", "smsc")

Started = Callable[..., Coroutine[Any, Any, "Smsc"]]


class Smsc:
    """The process, its port, and what it prints, each line a JSON document."""

    def __init__(self, process: asyncio.subprocess.Process) -> None:
        self.process = process
        self.port = 0

    async def line(self) -> Any:
        assert self.process.stdout is not None
        return json.loads(await self.process.stdout.readline())

    def type(self, line: str) -> None:
        assert self.process.stdin is not None
        self.process.stdin.write(line.encode() + b"\n")

    async def end(self, number: signal.Signals = signal.SIGINT) -> int:
        self.process.send_signal(number)
        return await self.process.wait()


@pytest.fixture
async def smsc() -> AsyncIterator[Started]:
    processes = []

    async def started(*arguments: object) -> Smsc:
        process = await asyncio.create_subprocess_exec(
            *PROGRAM, "--json", "--port", "0", *map(str, arguments),
            stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=subprocess.PIPE,
        )  # fmt: skip
        processes.append(process)
        one = Smsc(process)
        one.port = (await one.line())["port"]
        return one

    yield started
    for process in processes:
        if process.returncode is None:
            process.kill()
        await process.communicate()


async def test_it_serves_and_counts(smsc: Started) -> None:
    one = await smsc("--fault", "receipt-twice", "--fault-for", "+15005551002=sysfail,error-with-body")
    async with Esme(one.port) as esme:
        await esme.bind()
        assert (await esme.submitted())[0].status == Status.ROK
        assert (await esme.submitted(to="15005551002"))[0].status == Status.RSYSERR
        await esme.request(Command.DELIVER_SM)
        await esme.request(Command.DELIVER_SM)
    assert await one.end() == 0
    counts = await one.line()
    assert (counts["accepted"], counts["refused"], counts["receipts_sent"]) == (1, 1, 2)
    assert counts["faults"] == {"receipt-twice": 2, "sysfail": 1, "error-with-body": 1}


async def test_messages_from_standard_input(smsc: Started) -> None:
    one = await smsc()
    async with Esme(one.port) as esme:
        await esme.bind()
        one.type("+12065550123 +12025550101 Hello you")
        assert text.read((await esme.request())[1]).text == "Hello you"
        long = {"source": "1", "destination": "2", "text": "x" * 300, "long": "sar", "order": [2, 1]}
        one.type(json.dumps(long))
        assert [text.read((await esme.request())[1]).concat.part for _ in range(2)] == [2, 1]
        one.type("not enough")
        assert "'not enough' is no message" in (await one.line())["error"]
        one.type("counts")
        assert (await one.line())["inbound_sent"] == 3
    assert await one.end(signal.SIGTERM) == 0


async def test_killed_it_forgets_nothing(smsc: Started, tmp_path: Path) -> None:
    path = tmp_path / "journal"
    one = await smsc("--journal", path)
    async with Esme(one.port) as esme:
        await esme.bind()
        esme.acknowledging = lambda header, pdu: None
        answered = [(await esme.submitted(f"Message {number}"))[1].message_id for number in range(50)]
        await one.end(signal.SIGKILL)
    assert list(journal.tally(path).accepted) == answered
    again = await smsc("--journal", path)
    async with Esme(again.port) as esme:
        await esme.bind()
        for _ in answered:
            await esme.request(Command.DELIVER_SM)
        await esme.ask(smpp.EnquireLink())
    await again.end()
    assert journal.tally(path).receipts_acknowledged == dict.fromkeys(answered, 1)


@pytest.mark.parametrize(
    ("arguments", "code", "said"),
    [
        (("--fault", "nothing"), 2, "--list-faults"),
        (("--fault", "throttle@often"), 2, "every-10"),
        (("--fault-for", "1001"), 2, "NUMBER=NAME"),
        (("--tls-cert", "/nowhere/cert.pem"), 1, "/nowhere/cert.pem"),
    ],
)
def test_what_can_not_be(arguments: tuple[str, ...], code: int, said: str) -> None:
    ended = subprocess.run([*PROGRAM, "--port", "0", *arguments], capture_output=True, text=True, timeout=30)
    assert (ended.returncode, said in ended.stderr) == (code, True), ended.stderr


def test_a_port_that_is_taken() -> None:
    with socket.create_server(("127.0.0.1", 0)) as taken:
        port = str(taken.getsockname()[1])
        ended = subprocess.run([*PROGRAM, "--port", port], capture_output=True, text=True, timeout=30)
    assert ended.returncode == 1
    assert f"127.0.0.1:{port} can't be used" in ended.stderr


def test_the_list_of_faults() -> None:
    listed = subprocess.run([*PROGRAM, "--list-faults"], capture_output=True, text=True, timeout=30).stdout
    assert [line.split()[0] for line in listed.splitlines()[1:]] == [fault.name for fault in faults.TABLE]
    documents = subprocess.run([*PROGRAM, "--list-faults", "--json"], capture_output=True, text=True, timeout=30).stdout
    assert [one["name"] for one in json.loads(documents)] == list(faults.BY_NAME)


async def test_people_are_told(tmp_path: Path) -> None:
    process = await asyncio.create_subprocess_exec(
        *PROGRAM, "--port", "0", "--fault", "no-answer@25%", stdin=subprocess.DEVNULL, stdout=subprocess.PIPE,
        env={**os.environ, "PYTHONUNBUFFERED": "1"},
    )  # fmt: skip
    assert process.stdout is not None
    told = b"".join([await process.stdout.readline() for _ in range(4)]).decode()
    assert "An SMSC for tests listens at 127.0.0.1:" in told
    assert "no-answer@25%: Takes the submit and never answers it." in told
    process.send_signal(signal.SIGINT)
    rest, _ = await process.communicate()
    assert process.returncode == 0
    assert b"receipts acknowledged" in rest
