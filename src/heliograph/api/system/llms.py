"""The documentation for language models, after llmstxt.org: an index, and everything in one text."""

from collections.abc import Sequence

from heliograph.api.system.pages import Page

_INTRODUCTION = """# Heliograph

> A self-hosted messaging platform that speaks SignalWire's messaging APIs: an emulator on a laptop, a gateway
> in production. SDKs for SignalWire and Twilio work with it unchanged.

Authentication is HTTP Basic with the project id as user and an API token as password. Every page below is Markdown.
"""


def index(base: str, groups: Sequence[tuple[str, Sequence[Page]]]) -> str:
    """Return llms.txt; `base` stands before each address, without a slash at its end."""
    parts = [_INTRODUCTION]
    for name, pages in groups:
        lines = [f"- [{page.title}]({base}/docs/{page.slug}.md): {page.summary}" for page in pages]
        parts.append("\n".join([f"## {name}", "", *lines, ""]))
    parts.append(
        f"## Optional\n\n- [OpenAPI 3.1]({base}/openapi.json): the same operations, for tools\n"
        f"- [Everything in one text]({base}/llms-full.txt)\n"
    )
    return "\n".join(parts)


def everything(pages: Sequence[Page]) -> str:
    """Return all pages one after the other."""
    return "\n\n---\n\n".join([_INTRODUCTION.strip(), *(page.text.strip() for page in pages)]) + "\n"
