"""Install the clients that the tests drive, each in an environment of its own.

Makes ``.clients/<name>`` (a virtual environment for each Python SDK, on the interpreter that runs this
script) and ``tests/clients/node/node_modules``. Safe to run at any time: an environment is made anew
only when the files that pin it, or the interpreter, have changed since its stamp was written. The
stamp is written last, so an interrupted installation is repeated.

Run it as ``.venv/bin/python tests/clients/setup_clients.py``; `UV` names another uv.
"""

import hashlib
import importlib.util
import os
import shutil
import subprocess
import sys
from pathlib import Path

import debian_peers
import node_env

HERE = Path(__file__).parent
CLIENTS = HERE.parent.parent / ".clients"
SDKS = ("signalwire-sdk", "signalwire-2")
STAMP = ".stamp"

# The old SDK pins an aiohttp without wheels for the newest Pythons; its pure form serves as well.
BUILD_ENVIRONMENT = {"AIOHTTP_NO_EXTENSIONS": "1"}


def main() -> int:
    """Install what is missing or out of date; 0, or 1 when an installer failed (it has said why)."""
    try:
        for name in SDKS:
            install_sdk(name)
        install_node_packages()
        debian_peers.install()
    except subprocess.CalledProcessError as error:
        print(f"clients: {error}", file=sys.stderr)
        return 1
    return 0


def install_sdk(name: str) -> None:
    """The environment of one Python SDK, as its requirement file pins it."""
    requirements = HERE / f"requirements-{name}.txt"
    directory = CLIENTS / name
    wanted = fingerprint(requirements.read_bytes(), sys.version.encode(), os.fsencode(directory))
    if is_current(directory, wanted):
        print(f"clients: {name} is up to date")
        return
    print(f"clients: installing {name} into {directory}")
    uv = find_uv()
    environment = os.environ | BUILD_ENVIRONMENT
    subprocess.run([*uv, "venv", "--quiet", "--clear", "--python", sys.executable, str(directory)], check=True)
    python = directory / "bin" / "python"
    install = [*uv, "pip", "install", "--quiet", "--python", str(python), "--requirement", str(requirements)]
    subprocess.run(install, check=True, env=environment)
    (directory / STAMP).write_text(wanted)


def install_node_packages() -> None:
    """The Node SDKs, exactly as the lock file has them; no package's own scripts are run."""
    directory = node_env.NODE_DIRECTORY
    lock = (directory / "package-lock.json").read_bytes()
    wanted = fingerprint((directory / "package.json").read_bytes(), lock)
    modules = directory / "node_modules"
    if is_current(modules, wanted):
        print("clients: node packages are up to date")
        return
    print(f"clients: installing node packages into {modules} with {node_env.npm()[0]}")
    command = [*node_env.npm(), "ci", "--ignore-scripts", "--no-audit", "--no-fund", "--loglevel", "error"]
    subprocess.run(command, cwd=directory, check=True)
    (modules / STAMP).write_text(wanted)


def find_uv() -> list[str]:
    """The uv to call: the one that `UV` names, the interpreter's neighbour, the module, or the one on PATH."""
    if named := os.environ.get("UV"):
        return [named]
    neighbour = Path(sys.executable).with_name("uv")
    if neighbour.exists():
        return [str(neighbour)]
    if importlib.util.find_spec("uv") is not None:
        return [sys.executable, "-m", "uv"]
    if found := shutil.which("uv"):
        return [found]
    raise SystemExit("clients: no uv found: install it (https://docs.astral.sh/uv/) or name it in UV")


def fingerprint(*parts: bytes) -> str:
    """One hash over all parts, each with its length, so that none can pass for another."""
    digest = hashlib.sha256()
    for part in parts:
        digest.update(len(part).to_bytes(8, "big") + part)
    return digest.hexdigest()


def is_current(directory: Path, wanted: str) -> bool:
    """Whether the directory was completed with exactly this fingerprint."""
    stamp = directory / STAMP
    return stamp.is_file() and stamp.read_text() == wanted


if __name__ == "__main__":
    sys.exit(main())
