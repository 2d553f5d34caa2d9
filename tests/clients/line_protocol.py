"""The loop of a script that makes an SDK's calls on behalf of a test in another process.

Each line of standard input is ``{"call": name, "arguments": {...}}``; each is answered by one line,
``{"result": ...}`` or ``{"error": {"type", "status", "code", "message", ...}}``, on the standard output as
it was at the start. What the SDK itself prints goes to standard error. Only the standard library is
imported here: the script runs in the SDK's own environment.
"""

import json
import os
import sys
from collections.abc import Callable
from typing import Any

Perform = Callable[[str, dict[str, Any]], Any]
Describe = Callable[[Exception], dict[str, Any]]


def serve(perform: Perform, sdk_error: type[Exception], describe: Describe) -> None:
    """Perform calls until standard input ends. An exception other than the SDK's own ends the script."""
    answers = os.fdopen(os.dup(1), "w")
    os.dup2(2, 1)
    with answers:
        for line in sys.stdin:
            asked = json.loads(line)
            try:
                answer: dict[str, Any] = {"result": perform(asked["call"], asked["arguments"])}
            except sdk_error as error:
                answer = {"error": {"type": type(error).__name__, "message": str(error), **describe(error)}}
            print(json.dumps(answer, default=str), file=answers, flush=True)
