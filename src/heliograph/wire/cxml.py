"""cXML documents that an inbound handler answers with (contract, section 9), read into verbs.

Rules: names are case-sensitive; of the content type only the charset matters, which counts before the document's own
declaration (RFC 7303, 3.2) where the document can be read by it; an empty document means nothing to do. Document type
declarations, entities and external references are refused, as is anything over MAX_DOCUMENT_BYTES, which also
bounds the number of verbs. What a verb asks for is not judged here (its URLs, its numbers, its count of media): the
engine does that by the rules of a create. An unknown verb is skipped with a warning, an
unknown attribute is ignored with one.
"""

import codecs
import re
from collections.abc import Iterator
from dataclasses import dataclass
from xml.etree.ElementTree import Element, ParseError

from defusedxml import DefusedXmlException
from defusedxml.ElementTree import fromstring

MAX_DOCUMENT_BYTES = 64 * 1024
"""SignalWire's limit for a document (its error 11750)."""

MAX_WARNINGS = 20
"""Warnings kept of one document: enough to mend it, and no way to flood the record."""

MALFORMED = 12100
TOO_LARGE = 11750

_METHODS = {"GET", "POST"}
_ENCODING = re.compile(r"""<\?xml[^>]*\sencoding\s*=\s*["']([^"'>]*)["']""")
_ENCODINGS = frozenset({"utf-8", "utf8", "us-ascii", "ascii"})
"""What is also UTF-8, in which all texts are kept and served."""


_MARKS = (codecs.BOM_UTF8, codecs.BOM_UTF16_LE, codecs.BOM_UTF16_BE)
_CHARSETS = re.compile(
    r"utf-(8|16|16-[lb]e|32|32-[lb]e)|ascii|iso8859-\d+|cp(125\d|437|85\d|866|874|932|949|950)|koi8-[ru]|mac-roman|"
    r"tis-620|shift_jis(_2004|x0213)?|euc_(jp|kr|jis_2004)|iso2022_(jp|kr)(_\w+)?|gb2312|gbk|gb18030|big5(hkscs)?"
)
"""Python's names of encodings that are charsets. Others, such as punycode, take more than linear time."""


class DocumentError(ValueError):
    """No cXML document. `code` is 12100 (not well-formed, or another root) or 11750 (too large)."""

    def __init__(self, code: int, message: str) -> None:
        super().__init__(message)
        self.code = code
        self.message = message


@dataclass(frozen=True, slots=True, kw_only=True)
class MessageVerb:
    """A reply. None where the document says nothing: `to` and `from_` then come from the inbound message. `body` is
    None without a text, "" with an empty `<Body>`. `action` and `status_callback` may be relative to the document."""

    to: str | None = None
    from_: str | None = None
    body: str | None = None
    media: tuple[str, ...] = ()
    action: str | None = None
    method: str = "POST"
    status_callback: str | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class RedirectVerb:
    """Hands over to the document at `url` (never empty, perhaps relative)."""

    url: str
    method: str = "POST"


Verb = MessageVerb | RedirectVerb


@dataclass(frozen=True, slots=True, kw_only=True)
class Document:
    """The verbs, top to bottom, and what was skipped or mended on the way."""

    verbs: tuple[Verb, ...] = ()
    warnings: tuple[str, ...] = ()


def parse(document: bytes, charset: str | None = None) -> Document:
    """Reads a handler's answer; an empty one or only white space is the empty Document. charset: Content-Type's. Raises
    DocumentError."""
    if len(document) > MAX_DOCUMENT_BYTES:
        raise DocumentError(TOO_LARGE, f"The document is larger than {MAX_DOCUMENT_BYTES} bytes.")
    if not document.strip():
        return Document()
    warnings: list[str] = []
    verbs = tuple(_verbs(_root(_decoded(document, charset)), warnings))
    return Document(verbs=verbs, warnings=tuple(warnings[:MAX_WARNINGS]))


def check(document: str) -> None:
    """Whether this text, in UTF-8, is well-formed XML of any root; raises DocumentError. It says nothing of verbs."""
    declared = _ENCODING.match(document)
    if declared is not None and declared[1].lower() not in _ENCODINGS:
        raise DocumentError(MALFORMED, f"The document declares the encoding {_short(declared[1])}; it must be UTF-8.")
    _element(document.encode())


def _decoded(document: bytes, charset: str | None) -> str | bytes:
    """The document's text, where the charset is known and fits; else its octets, for the parser to judge. A byte order
    mark is stronger than a charset (RFC 7303, 3.3)."""
    if charset is None or document.startswith(_MARKS):
        return document
    try:
        name = codecs.lookup(charset).name
        return document.decode(name) if _CHARSETS.fullmatch(name) else document
    except (LookupError, UnicodeDecodeError):
        return document


def _root(document: str | bytes) -> Element:
    root = _element(document)
    if root.tag != "Response":
        raise DocumentError(MALFORMED, f"The document's root is <{_short(root.tag)}>, not <Response>.")
    return root


def _element(document: str | bytes) -> Element:
    try:
        root: Element = fromstring(document, forbid_dtd=True)
    except ParseError as error:
        raise DocumentError(MALFORMED, f"The document is not well-formed XML: {error}.") from error
    except DefusedXmlException as error:
        raise DocumentError(MALFORMED, "The document has a document type or entity declaration.") from error
    except (LookupError, ValueError) as error:  # an encoding that Python doesn't know, or can't map byte by byte
        raise DocumentError(MALFORMED, "The document's encoding is not supported.") from error
    return root


def _verbs(root: Element, warnings: list[str]) -> Iterator[Verb]:
    for element in root:
        warnings += _unknown_attributes(element)
        match element.tag:
            case "Message":
                yield _message(element, warnings)
            case "Redirect" if url := _text(element).strip():
                yield RedirectVerb(url=url, method=_method(element, warnings))
            case "Redirect":
                warnings.append("A <Redirect> without a URL was skipped.")
            case unknown:
                warnings.append(f"The unknown verb <{_short(unknown)}> was skipped.")


def _message(element: Element, warnings: list[str]) -> MessageVerb:
    bodies: list[str] = []
    media: list[str] = []
    for noun in element:
        match noun.tag:
            case "Body":
                bodies.append(_text(noun))
            case "Media" if url := _text(noun).strip():
                media.append(url)
            case "Media":
                warnings.append("A <Media> without a URL was skipped.")
            case unknown:
                warnings.append(f"The unknown noun <{_short(unknown)}> in <Message> was skipped.")
    return MessageVerb(
        to=_attribute(element, "to"),
        from_=_attribute(element, "from"),
        body="".join(bodies).strip() if bodies else _text(element).strip() or None,
        media=tuple(media),
        action=_attribute(element, "action"),
        method=_method(element, warnings),
        status_callback=_attribute(element, "statusCallback"),
    )


_ATTRIBUTES = {
    "Message": frozenset({"to", "from", "action", "method", "statusCallback"}),
    "Redirect": frozenset({"method"}),
}


def _unknown_attributes(element: Element) -> Iterator[str]:
    """A warning for each attribute of a known verb that has no meaning here, such as a misspelt one."""
    known = _ATTRIBUTES.get(element.tag)
    if known is not None:
        for name in element.attrib:
            if name not in known:
                yield f"The unknown attribute {_short(name)} of <{element.tag}> was ignored."


def _attribute(element: Element, name: str) -> str | None:
    """An attribute's value less outer white space; an empty one counts as absent."""
    return element.get(name, "").strip() or None


def _method(element: Element, warnings: list[str]) -> str:
    method = (_attribute(element, "method") or "POST").upper()
    if method in _METHODS:
        return method
    warnings.append(f"The method {_short(method)} of <{element.tag}> is neither GET nor POST; POST is used.")
    return "POST"


def _text(element: Element) -> str:
    """The element's own characters, without those of elements inside it (which would take recursion to read)."""
    return "".join([element.text or "", *(child.tail or "" for child in element)])


def _short(name: str) -> str:
    return name if len(name) <= 40 else name[:40] + "..."
