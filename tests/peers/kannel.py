"""Debian's Kannel as a customer: bearerbox bound to us by SMPP, smsbox with its HTTP interface beside it."""

import shutil
import subprocess
import urllib.parse
import urllib.request
from pathlib import Path
from types import TracebackType
from typing import Self

import ports
from servers import HOST, STOP_SECONDS, Sink, wait_until
from smpp_customer import Credential

BEARERBOX = shutil.which("bearerbox", path="/usr/sbin:/usr/local/sbin:/usr/bin")
SMSBOX = shutil.which("smsbox", path="/usr/sbin:/usr/local/sbin:/usr/bin")

CONFIG = """\
group = core
admin-port = {admin}
admin-password = admin
admin-allow-ip = 127.0.0.1
smsbox-port = {box}
box-allow-ip = 127.0.0.1
dlr-storage = internal
log-level = 0

group = smsc
smsc = smpp
smsc-id = heliograph
host = 127.0.0.1
port = {smpp}
transceiver-mode = true
smsc-username = {system_id}
smsc-password = {password}
system-type = ""
source-addr-autodetect = true
source-addr-ton = 1
source-addr-npi = 1
dest-addr-ton = 1
dest-addr-npi = 1
reconnect-delay = 1
max-pending-submits = 10

group = smsbox
bearerbox-host = 127.0.0.1
sendsms-port = {sendsms}
log-level = 0

group = sendsms-user
username = tester
password = secret
max-messages = 20
concatenation = true
user-allow-ip = 127.0.0.1

group = sms-service
keyword = default
catch-all = true
max-messages = 0
get-url = "{sink}/mo?from=%p&to=%P&text=%a&charset=%C"
"""


class Kannel:
    """Both boxes, from a directory of their own, on ports of their own."""

    def __init__(self, directory: Path, smpp_port: int, credential: Credential, sink: Sink) -> None:
        self._directory = directory
        self._sendsms_port, self._admin_port = ports.reserve(), ports.reserve()
        self._sink = sink
        self._config = directory / "kannel.conf"
        self._config.write_text(
            CONFIG.format(
                admin=self._admin_port,
                box=ports.reserve(),
                smpp=smpp_port,
                system_id=credential.system_id,
                password=credential.password,
                sendsms=self._sendsms_port,
                sink=sink.base_url,
            )
        )
        self._boxes: list[subprocess.Popen[bytes]] = []

    def __enter__(self) -> Self:
        try:
            self._start(BEARERBOX)
            wait_until(lambda: self._says("online"), "bearerbox to be bound")
            self._start(SMSBOX)
            wait_until(lambda: self._says("smsbox"), "smsbox to be there")
        except BaseException:
            self.close()
            raise
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()

    def close(self) -> None:
        for box in reversed(self._boxes):
            box.terminate()
        for box in self._boxes:
            try:
                box.wait(STOP_SECONDS)
            except subprocess.TimeoutExpired:
                box.kill()
                box.wait(STOP_SECONDS)

    def _start(self, program: str | None) -> None:
        assert program is not None
        with (self._directory / f"{Path(program).name}.log").open("ab") as log:
            box = subprocess.Popen([program, str(self._config)], cwd=self._directory, stdout=log, stderr=log)
        self._boxes.append(box)

    def _says(self, word: str) -> bool:
        """Whether bearerbox's status has a word in it."""
        ended = [box for box in self._boxes if box.poll() is not None]
        assert not ended, self.log()
        try:
            return word in _get(f"http://{HOST}:{self._admin_port}/status.txt?password=admin")
        except OSError:
            return False

    def send(self, from_number: str, to_number: str, text: str, *, tag: str, **fields: str) -> str:
        """Send through sendsms; the receipts come to the sink at /dlr/TAG. Returns what sendsms said."""
        report = f"{self._sink.base_url}/dlr/{tag}?type=%d&answer=%A&id=%F"
        query = {
            "username": "tester",
            "password": "secret",
            "from": from_number,
            "to": to_number,
            "text": text,
            "charset": "UTF-8",
            "dlr-mask": "31",
            "dlr-url": report,
        }
        return _get(f"http://{HOST}:{self._sendsms_port}/cgi-bin/sendsms?{urllib.parse.urlencode(query | fields)}")

    def log(self) -> str:
        return "".join(file.read_text("utf-8", "replace") for file in sorted(self._directory.glob("*.log")))


def _get(url: str) -> str:
    with urllib.request.urlopen(url, timeout=STOP_SECONDS) as answer:
        return str(answer.read().decode("utf-8", "replace"))
