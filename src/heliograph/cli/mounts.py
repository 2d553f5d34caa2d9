"""The kind of file system under a folder, from Linux's list of mounts; elsewhere it is not known."""

import re
from pathlib import Path
from typing import Final

MOUNTS: Final = Path("/proc/self/mountinfo")

_REMOTE: Final = frozenset(
    {"nfs", "nfs4", "cifs", "smb3", "smbfs", "9p", "virtiofs", "ceph", "glusterfs", "lustre", "afs", "beegfs", "gpfs"}
    | {"ncpfs", "ocfs2", "gfs2", "orangefs", "davfs", "vboxsf", "prl_fs"}
)
_LOCAL_FUSE: Final = frozenset({"fuseblk", "fuse.fuse-overlayfs", "fuse.lxcfs", "fuse.portal"})

_escaped: Final = re.compile(r"\\([0-7]{3})")


def kind_of(folder: Path) -> str | None:
    """The type of the mount that a folder, or the nearest one above it that exists, is on."""
    place = folder.resolve()
    best: tuple[int, str | None] = (-1, None)
    try:
        lines = MOUNTS.read_text("utf-8", "replace").splitlines()
    except OSError:
        return None
    for line in lines:
        fields, _, rest = line.partition(" - ")
        mount = Path(_escaped.sub(lambda found: chr(int(found[1], 8)), fields.split(" ")[4]))
        # a later line of the same place lies on top of the earlier one
        if place.is_relative_to(mount) and len(mount.parts) >= best[0]:
            best = (len(mount.parts), rest.split(" ")[0])
    return best[1]


def is_remote(kind: str) -> bool:
    """Whether another machine may hold the files. FUSE does not say, so it counts unless it is local by name."""
    return kind in _REMOTE or (kind.startswith("fuse") and kind not in _LOCAL_FUSE)
