"""Content types of media, and their other names."""

import pytest

from heliograph.core import media_types


@pytest.mark.parametrize(
    ("given", "stored"),
    [
        ("image/jpeg", "image/jpeg"),
        ("image/jpg", "image/jpeg"),
        ("video/3gpp", "video/3gp"),
        ("video/3gp", "video/3gp"),
        ("audio/3gpp", "audio/3gpp"),
        ("audio/3gp", "audio/3gpp"),
        ("audio/wav", "audio/vnd.wav"),
        ("audio/x-wav", "audio/vnd.wav"),
        ("audio/mp3", "audio/mpeg"),
        ("audio/x-m4a", "audio/mp4"),
        ("image/webp", None),
        ("application/octet-stream", None),
        ("text/html", None),
        ("image/svg+xml", None),
        ("", None),
    ],
)
def test_type_is_stored_by_its_canonical_name(given: str, stored: str | None) -> None:
    assert media_types.canonical(given) == stored


def test_every_alias_names_an_allowed_type_and_is_none_itself() -> None:
    assert set(media_types.ALIASES.values()) <= media_types.ALLOWED
    assert not set(media_types.ALIASES) & media_types.ALLOWED


def test_names_of_a_type_begin_with_its_own() -> None:
    assert media_types.names_of("video/3gp") == ("video/3gp", "video/3gpp")
    assert media_types.names_of("image/gif") == ("image/gif",)
