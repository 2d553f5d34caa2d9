"""A little colour for code in the documentation: comments, texts, numbers and words. No more is needed."""

import html as html_text
import re

_STRINGS = r"\"(?:\\.|[^\"\\\n])*\"|'(?:\\.|[^'\\\n])*'|`(?:\\.|[^`\\])*`"
_COMMENTS = {"python": r"\#[^\n]*", "bash": r"(?<!\S)\#[^\n]*", "toml": r"\#[^\n]*", "js": r"//[^\n]*", "json": r"(?!)"}
_WORDS = {
    "python": "import from as def return if else elif for in not and or None True False print with raise class",
    "js": "const let await import from function return if else new async export require",
    "bash": "curl export heliograph uv pip docker npm sudo cp cat",
    "json": "true false null",
    "toml": "true false",
}


def html(text: str, language: str) -> str:
    """Return escaped HTML with spans; of a language that is not known, escaped HTML alone."""
    pattern = _PATTERNS.get(language)
    if pattern is None:
        return html_text.escape(text, quote=False)
    parts: list[str] = []
    at = 0
    for match in pattern.finditer(text):
        parts.append(html_text.escape(text[at : match.start()], quote=False))
        parts.append(f'<span class="{match.lastgroup}">{html_text.escape(match[0], quote=False)}</span>')
        at = match.end()
    parts.append(html_text.escape(text[at:], quote=False))
    return "".join(parts)


def _pattern(language: str) -> re.Pattern[str]:
    words = "|".join(_WORDS[language].split())
    return re.compile(
        rf"(?P<c>{_COMMENTS[language]})|(?P<s>{_STRINGS})|(?P<k>(?<![\w-])(?:{words})(?![\w-]))|(?P<n>(?<![\w.-])\d[\d.]*\b)"
    )


_PATTERNS = {language: _pattern(language) for language in _WORDS}
