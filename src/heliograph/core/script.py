"""A cXML script: a document that a project keeps with us, and that we serve to whoever asks for its address."""

from dataclasses import dataclass, field

MAX_NAME_LENGTH = 255
EMPTY_CONTENTS = "<Response></Response>"
"""What a script says that was given no contents: do nothing."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Script:
    """`id` is random, since knowing it is all that its document asks for; `place`, which increases, is what lists go
    by. `requests` counts how often the document was asked for, `last_request_at` (microseconds) says when last."""

    project_id: str
    id: str
    place: str
    name: str
    contents: str = field(repr=False)
    requests: int = 0
    last_request_at: int | None = None
    created_at: int
    updated_at: int

    @property
    def octets(self) -> int:
        """What it takes of the disk."""
        return len(self.name.encode()) + len(self.contents.encode())


@dataclass(frozen=True, slots=True, kw_only=True)
class ScriptUse:
    """Requests for a script's document since they were last written down, and when the last one came."""

    project_id: str
    script_id: str
    requests: int
    last_at: int
