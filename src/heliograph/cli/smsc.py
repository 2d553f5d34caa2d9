"""`heliograph smsc`: a carrier to test a gateway against, as good or as bad as it is asked to be."""

import asyncio
import gc
import json
import signal
import sys
import threading
from collections.abc import Callable, Mapping
from functools import partial
from pathlib import Path
from typing import Any, Final

import click
import msgspec
import uvloop

from heliograph.cli import output
from heliograph.core.texts import printable_lines
from heliograph.torture import faults
from heliograph.torture.carrier import TortureCarrier
from heliograph.torture.faults import UnknownFault
from heliograph.torture.inbound import Inbound
from heliograph.torture.settings import IdBase, TortureSettings

PORT: Final = 2775
"""What IANA has registered for SMPP."""

GC_THRESHOLD: Final = 50_000
"""As the server's: most of what is made here goes by its count of references."""

_DEFAULT: Final = TortureSettings()
_FILE: Final = click.Path(path_type=Path, dir_okay=False)

_list_faults = click.option("--list-faults", is_flag=True, is_eager=True, help="List the faults and end.")
_options: Final[tuple[Callable[[Any], Any], ...]] = (
    click.option("--host", default=_DEFAULT.host, show_default=True, metavar="TEXT", help="Address to listen on."),
    click.option("--port", default=PORT, show_default=True, metavar="N", help="Port to listen on; 0 takes a free one."),
    click.option("--system-id", metavar="TEXT", help="The system_id that binds must have. [default: any]"),
    click.option("--password", metavar="TEXT", help="The password that binds must have. [default: any]"),
    click.option("--binds-max", default=0, show_default=True, metavar="N", help="Most binds at once; 0: no limit."),
    click.option("--answer-ms", default=0.0, show_default=True, metavar="NUMBER", help="Pause before an answer."),
    click.option("--receipt-ms", default=0.0, show_default=True, metavar="NUMBER", help="Pause before a receipt."),
    click.option(
        "--ids",
        type=click.Choice([base.value for base in IdBase]),
        default=_DEFAULT.ids.value,
        show_default=True,
        metavar="|".join(base.value for base in IdBase),
        help="How message ids are written.",
    ),
    click.option("--first-id", type=int, metavar="N", help="The first message id. [default: the time]"),
    click.option(
        "--rate", default=0.0, show_default=True, metavar="NUMBER", help="Submits taken in any one second; 0: no limit."
    ),
    click.option(
        "--window",
        default=0,
        show_default=True,
        metavar="N",
        help="Unanswered submits on a connection, over which it throttles; 0: no limit.",
    ),
    click.option(
        "--deliver-window",
        default=_DEFAULT.deliver_window,
        show_default=True,
        metavar="N",
        help="Unacknowledged receipts and inbound messages on a connection.",
    ),
    click.option(
        "--resend-ms",
        default=_DEFAULT.resend_ms,
        show_default=True,
        metavar="NUMBER",
        help="Pause after which these are sent again.",
    ),
    click.option("--echo", is_flag=True, help="Send each message back, as an inbound one."),
    click.option(
        "--fault",
        "everywhere",
        multiple=True,
        metavar="NAME[@WHEN]",
        help="A fault, repeatable; WHEN: 25%, every-10, first-3, after-3. [default: always]",
    ),
    click.option(
        "--fault-for",
        "by_number",
        multiple=True,
        metavar="NUMBER=NAME[@WHEN],...",
        help="Faults for destinations that end so, repeatable.",
    ),
    click.option("--late-ms", default=_DEFAULT.late_ms, show_default=True, metavar="NUMBER", help="What late means."),
    click.option(
        "--short-ms", default=_DEFAULT.short_ms, show_default=True, metavar="NUMBER", help="The other faults' pauses."
    ),
    click.option("--seed", default=0, show_default=True, metavar="N", help="Seed of all chance."),
    click.option("--journal", type=_FILE, metavar="FILE", help="Keep count here, and go on from it at the next start."),
    click.option("--tls-cert", type=_FILE, metavar="FILE", help="Certificate (PEM) to serve TLS with."),
    click.option("--tls-key", type=_FILE, metavar="FILE", help="Its key (PEM)."),
    click.option("--tls-client-ca", type=_FILE, metavar="FILE", help="Ask clients for a certificate signed by this."),
    click.option("--json", "as_json", is_flag=True, help="Print JSON, a document on each line."),
)


def _all_options(command: Callable[..., int]) -> Callable[..., int]:
    for option in reversed(_options):
        command = option(command)
    return command


@click.command()
@_list_faults
@_all_options
def smsc(
    list_faults: bool, everywhere: tuple[str, ...], by_number: tuple[str, ...], as_json: bool, **given: Any
) -> int:
    """Be a carrier (SMSC, SMPP 3.4) for tests, until Ctrl-C.

    It takes binds and messages, answers and sends receipts, and misbehaves as --fault says. It works against
    any gateway and needs no store.

    Each line on standard input is an inbound message, `FROM TO TEXT` or JSON
    ({"source": "+1...", "destination": "+1...", "text": "...", "long": "sar", "order": [2, 1]}), or the
    word `counts`.
    """
    if list_faults:
        output.result(as_json, _as_values(), _listed())
        return 0
    given["ids"] = IdBase(given["ids"])
    settings = TortureSettings(faults=everywhere, faults_for=_by_number(by_number), **given)
    try:
        uvloop.run(_serve(settings, as_json=as_json))
    except UnknownFault as error:
        raise output.Failure(str(error), output.WRONG_USAGE) from error
    except OSError as error:
        what = error.filename or f"{settings.host}:{settings.port}"
        raise output.Failure(f"{what} can't be used: {error.strerror or error}") from error
    return 0


async def _serve(settings: TortureSettings, *, as_json: bool) -> None:
    stopped = asyncio.Event()
    loop = asyncio.get_running_loop()
    for number in (signal.SIGINT, signal.SIGTERM):
        loop.add_signal_handler(number, stopped.set)
    carrier = TortureCarrier(settings)
    await carrier.start()
    gc.collect()
    gc.freeze()
    gc.set_threshold(GC_THRESHOLD, 20, 50)
    _say(as_json, _greeting(carrier), _welcome(carrier))
    obey = partial(_obey, carrier, as_json)
    # A thread, for standard input may be a file; and a daemon, for nobody can interrupt its read.
    threading.Thread(target=_read_lines, args=(loop, obey), daemon=True).start()
    await stopped.wait()
    counts = _counts(carrier)
    await carrier.stop()
    _say(as_json, counts, _counted(counts))


def _read_lines(loop: asyncio.AbstractEventLoop, obey: Callable[[str], None]) -> None:
    for line in sys.stdin:
        try:
            loop.call_soon_threadsafe(obey, line.strip())
        except RuntimeError:  # the loop has ended
            return


def _obey(carrier: TortureCarrier, as_json: bool, line: str) -> None:
    """Do what a line of standard input says."""
    if line == "counts":
        counts = _counts(carrier)
        _say(as_json, counts, _counted(counts))
    elif line:
        try:
            carrier.inbound(_inbound(line))
        except ValueError as error:
            output.fault(f"{line[:40]!r} is no message: {error}", as_json=as_json)


def _inbound(line: str) -> Inbound:
    """Raises ValueError; msgspec's ValidationError is one."""
    if line.startswith("{"):
        return msgspec.json.decode(line, type=Inbound)
    words = line.split(maxsplit=2)
    if len(words) < 3:
        raise ValueError("write FROM TO TEXT, or JSON")
    return Inbound(source=words[0], destination=words[1], text=words[2])


def _by_number(texts: tuple[str, ...]) -> dict[str, str]:
    by_number = {}
    for text in texts:
        number, is_there, names = text.partition("=")
        if not is_there:
            raise click.BadParameter(f"{text!r}: write NUMBER=NAME", param_hint="--fault-for")
        by_number[number] = names
    return by_number


# -- what it says


def _say(as_json: bool, value: Mapping[str, Any], human: str) -> None:
    click.echo(json.dumps(value) if as_json else printable_lines(human))
    sys.stdout.flush()


def _greeting(carrier: TortureCarrier) -> dict[str, Any]:
    settings = carrier.settings
    return {
        "host": settings.host,
        "port": carrier.port,
        "tls": settings.tls_cert is not None,
        "faults": list(settings.faults),
        "faults_for": dict(settings.faults_for),
    }


def _welcome(carrier: TortureCarrier) -> str:
    settings = carrier.settings
    lines = [f"An SMSC for tests listens at {settings.host}:{carrier.port}{' (TLS)' if settings.tls_cert else ''}."]
    lines.append("Binds with " + _credentials(settings) + ".")
    for text in settings.faults:
        lines.append(f"  {text}: {_about(text)}")
    for number, texts in settings.faults_for.items():
        lines += [f"  ...{number}: {text}: {_about(text)}" for text in texts.split(",")]
    if not settings.faults and not settings.faults_for:
        lines.append("It behaves well; `heliograph smsc --list-faults` shows what else it can do.")
    return "\n".join([*lines, "Type FROM TO TEXT to send a message from a handset; Ctrl-C ends."])


def _credentials(settings: TortureSettings) -> str:
    name = "any system_id" if settings.system_id is None else f"system_id {settings.system_id}"
    return f"{name} and {'any password' if settings.password is None else 'its password'}"


def _about(text: str) -> str:
    return faults.find(text.strip().partition("@")[0]).about


def _counts(carrier: TortureCarrier) -> dict[str, Any]:
    return {
        **carrier.counts.as_values(),
        "owed": carrier.owed,
        "busiest_second": carrier.busiest_second(),
        "faults": carrier.faults,
    }


def _counted(counts: Mapping[str, Any]) -> str:
    rows = []
    for name, count in counts.items():
        words = name.replace("_", " ")
        if isinstance(count, dict):
            rows += [(f"{words}: {what}", str(times)) for what, times in count.items()]
        else:
            rows.append((words, str(count)))
    return output.table(("WHAT", "HOW OFTEN"), rows)


def _as_values() -> list[dict[str, str]]:
    return [
        {"name": fault.name, "group": fault.group.value, "about": fault.about, "sound": fault.sound}
        for fault in faults.TABLE
    ]


def _listed() -> str:
    rows = [(fault.name, fault.about) for fault in faults.TABLE]
    return output.table(("FAULT", "WHAT THE CARRIER DOES"), rows)
