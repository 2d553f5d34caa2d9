"""Every metric of a running server is documented, and every documented metric exists."""

import re

from heliograph.api.system import pages
from servers import ServerFactory

HISTOGRAM_SERIES = re.compile(r"_(bucket|sum|count|created)$")


def test_the_page_lists_the_metrics_of_a_running_server(server: ServerFactory) -> None:
    node = server(smpp=True)
    assert node.request("GET", "/nowhere").status == 404
    text = node.request("GET", "/metrics", authenticated=False).body.decode()
    served = {
        f"{name}_total" if kind == "counter" else name
        for name, kind in re.findall(r"^# TYPE (\S+?)(?:_total)? (\w+)$", text, re.MULTILINE)
    }
    tables = "\n".join(line for line in pages.page("metrics").text.splitlines() if line.startswith("| `"))
    documented = set(re.findall(r"`((?:heliograph|process)_\w+)`", tables))
    assert served - documented == set()
    assert documented - served == set()


def test_messages_are_counted_by_door_and_state(server: ServerFactory) -> None:
    node = server()
    account, number = node.credentials.project_id, node.credentials.numbers[0]
    form = [("From", number), ("To", "+12065550123"), ("Body", "Hello")]
    assert node.request("POST", f"/api/laml/2010-04-01/Accounts/{account}/Messages", form=form).status == 201
    sent = {"from": number, "to": "+12065550123", "body": "Hello"}
    assert node.request("POST", "/api/messaging/messages", json_body=sent).status == 201
    inbound = {"from": "+12065550123", "to": number, "body": "Hello"}
    assert node.request("POST", "/api/heliograph/simulator/inbound", json_body=inbound).status == 201
    text = node.request("GET", "/metrics", authenticated=False).body.decode()
    assert 'heliograph_accepted_total{door="cxml",kind="sms"} 1.0' in text
    assert 'heliograph_accepted_total{door="rest",kind="sms"} 1.0' in text
    assert 'heliograph_state_changes_total{state="queued"} 2.0' in text
    assert 'heliograph_state_changes_total{state="receiving"} 1.0' in text


def test_requests_are_counted_by_status(server: ServerFactory) -> None:
    node = server()
    node.request("GET", "/api/laml/2010-04-01/Accounts/nobody/Messages", authenticated=False)
    text = node.request("GET", "/metrics", authenticated=False).body.decode()
    assert 'heliograph_http_responses_total{status="401"} 1.0' in text
    assert re.search(r'heliograph_build_info\{python="3\.[\d.]+",store="sqlite",version="[\d.]+"\} 1\.0', text)
    assert re.search(r"^process_open_fds [1-9]", text, re.MULTILINE)
