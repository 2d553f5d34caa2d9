"""The documentation's pages: which there are, in what order, and their text as it is served and listed."""

from dataclasses import dataclass
from functools import cache
from importlib import resources

from heliograph.api.system import generated

GROUPS: tuple[tuple[str, tuple[str, ...]], ...] = (
    ("Start", ("quickstart", "simulator", "commands", "settings")),
    (
        "Use",
        (
            "endpoints",
            "lifecycle",
            "webhooks",
            "relay",
            "scripts",
            "swml",
            "numbers",
            "groups",
            "mfa",
            "projects",
            "smpp",
            "errors",
        ),
    ),
    ("Run", ("carriers", "torture", "operations", "metrics")),
    ("Words", ("glossary",)),
)
SLUGS = tuple(slug for _, slugs in GROUPS for slug in slugs)
REFERENCE = "reference"
"""The page that is written out of the OpenAPI document; no file holds it."""

_FOLDER = "pages"


@dataclass(frozen=True, slots=True, kw_only=True)
class Page:
    """A page: `text` is its Markdown, `summary` its first paragraph."""

    slug: str
    title: str
    summary: str
    text: str


@cache
def page(slug: str) -> Page:
    """Return one of SLUGS; any other raises KeyError."""
    if slug not in SLUGS:
        raise KeyError(slug)
    return parsed(slug, generated.unmarked(source(slug)))


def source(slug: str) -> str:
    """Return the file's own text, with the comment lines around its generated parts."""
    return (resources.files("heliograph") / _FOLDER / f"{slug}.md").read_text("utf-8")


def asset(name: str) -> bytes:
    """Return a file of the site: its style, its script, its icon."""
    return (resources.files("heliograph") / _FOLDER / "assets" / name).read_bytes()


def parsed(slug: str, text: str) -> Page:
    """Read title and summary out of a page, which starts with its title and one paragraph."""
    title, _, rest = text.partition("\n")
    summary = rest.strip().partition("\n\n")[0].replace("\n", " ")
    return Page(slug=slug, title=title.removeprefix("# ").strip(), summary=summary, text=text)
