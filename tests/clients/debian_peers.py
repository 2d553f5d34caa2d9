"""Debian's packages that tests run against: an older PostgreSQL than the wheel's, so that both ends are tried,
Kannel, an SMPP client that nobody here wrote, and PgBouncer, which a server refuses in transaction mode.

Installed by apt where root or sudo allows. Where that can't be done it is said, and the tests that want the package are
left out; with CI=true that is an error, since a green run must mean that all of them ran.
"""

import os
import shutil
import subprocess
from pathlib import Path

POSTGRES_HOME = Path("/usr/lib/postgresql")
CREATE_NO_CLUSTER = Path("/etc/postgresql-common/createcluster.conf")
BEARERBOX = Path("/usr/sbin/bearerbox")
PGBOUNCER = Path("/usr/sbin/pgbouncer")


def install() -> None:
    """Make sure that there is a PostgreSQL older than the wheel's, a Kannel and a PgBouncer."""
    if not any(POSTGRES_HOME.glob("*/bin/postgres")) and not _apt_install("postgresql"):
        _left_out("PostgreSQL", "postgresql", "the suite runs on the wheel's PostgreSQL alone")
    if not BEARERBOX.exists() and not _apt_install("kannel"):
        _left_out("Kannel", "kannel", "tests/peers/test_kannel.py is skipped")
    if not PGBOUNCER.exists() and not _apt_install("pgbouncer"):
        _left_out("PgBouncer", "pgbouncer", "tests/storage/test_pooling.py runs on a small pooler alone")


def _left_out(name: str, package: str, consequence: str) -> None:
    left_out = f"Debian's {name} (apt-get install {package}): no root, no sudo or no apt-get here"
    if os.environ.get("CI") == "true":
        raise SystemExit(f"can't install {left_out}")
    print(f"left out: {left_out}; {consequence}")


def _apt_install(package: str) -> bool:
    if shutil.which("apt-get") is None:
        return False
    prefix = [] if os.geteuid() == 0 else ["sudo", "-n"]
    if prefix and shutil.which("sudo") is None:
        return False
    print(f"installing Debian's {package}")
    # The packages would start a cluster on port 5432 and a wapbox; the tests start their own.
    no_cluster = f"mkdir -p {CREATE_NO_CLUSTER.parent} && [ -e {CREATE_NO_CLUSTER} ] || "
    no_cluster += f"echo 'create_main_cluster = false' > {CREATE_NO_CLUSTER}"
    environment = ["env", "DEBIAN_FRONTEND=noninteractive", "RUNLEVEL=1"]
    commands = (
        ["sh", "-c", no_cluster],
        [*environment, "apt-get", "update", "-qq"],
        [*environment, "apt-get", "install", "-y", "-qq", "--no-install-recommends", package],
    )
    return all(subprocess.run([*prefix, *command], stdout=subprocess.DEVNULL).returncode == 0 for command in commands)
