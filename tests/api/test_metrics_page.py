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


def test_requests_are_counted_by_status(server: ServerFactory) -> None:
    node = server()
    node.request("GET", "/api/laml/2010-04-01/Accounts/nobody/Messages", authenticated=False)
    text = node.request("GET", "/metrics", authenticated=False).body.decode()
    assert 'heliograph_http_responses_total{status="401"} 1.0' in text
    assert re.search(r'heliograph_build_info\{python="3\.[\d.]+",store="sqlite",version="[\d.]+"\} 1\.0', text)
    assert re.search(r"^process_open_fds [1-9]", text, re.MULTILINE)
