"""The content types that a message's media may have, and the other names by which servers call them.

A medium has its canonical type from the moment it is fetched: records, webhooks and carriers show that one.
The allowed types are the contract's (section 3); SignalWire's table of MIME types has them, Twilio's the aliases.
"""

from typing import Final

ALLOWED: Final = frozenset(
    {
        *(
            f"audio/{name}"
            for name in ["mp4", "mpeg", "mpeg3", "ogg", "vorbis", "vnd.wav", "ac3", "amr", "midi", "3gpp"]
        ),
        *(f"image/{name}" for name in ["jpeg", "gif", "png", "bmp"]),
        *(f"text/{name}" for name in ["plain", "calendar", "vcard", "x-vcard"]),
        *(f"video/{name}" for name in ["mpeg", "mp4", "quicktime", "h264", "3gp"]),
    }
)

ALIASES: Final = {
    "audio/3gp": "audio/3gpp",
    "audio/m4a": "audio/mp4",
    "audio/x-m4a": "audio/mp4",
    "audio/mp3": "audio/mpeg",
    "audio/x-mp3": "audio/mpeg",
    "audio/x-mpeg": "audio/mpeg",
    "audio/x-mpeg-3": "audio/mpeg3",
    "audio/wav": "audio/vnd.wav",
    "audio/wave": "audio/vnd.wav",
    "audio/x-wav": "audio/vnd.wav",
    "audio/vnd.wave": "audio/vnd.wav",
    "audio/x-amr": "audio/amr",
    "audio/mid": "audio/midi",
    "audio/x-midi": "audio/midi",
    "image/jpg": "image/jpeg",
    "image/pjpeg": "image/jpeg",
    "image/x-png": "image/png",
    "image/bitmap": "image/bmp",
    "image/x-bmp": "image/bmp",
    "image/x-ms-bmp": "image/bmp",
    "video/3gpp": "video/3gp",
}
"""What each other name counts as. Servers send RFC 3839's `video/3gpp`, say, for what SignalWire calls `video/3gp`."""


def canonical(content_type: str) -> str | None:
    """The type as it is stored, or None for one that is not allowed. `content_type`: lower case, no parameters."""
    named = ALIASES.get(content_type, content_type)
    return named if named in ALLOWED else None


def names_of(content_type: str) -> tuple[str, ...]:
    """The canonical type and its aliases: any of them names it in an Accept header."""
    return (content_type, *(alias for alias, named in ALIASES.items() if named == content_type))
