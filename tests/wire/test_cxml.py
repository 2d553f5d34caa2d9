"""Inbound handlers' documents: the verbs, the warnings, and what is no document."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from heliograph.wire import cxml
from heliograph.wire.cxml import MessageVerb, RedirectVerb


@pytest.mark.parametrize(
    "document", [b"", b" \r\n\t", b"<Response/>", b"<?xml version='1.0'?>\n<Response> text </Response>"]
)
def test_nothing_to_do(document: bytes) -> None:
    assert cxml.parse(document) == cxml.Document()


@pytest.mark.parametrize(
    ("inner", "verb"),
    [
        ("<Message>Hi &amp; bye &#x1F600;</Message>", MessageVerb(body="Hi & bye \U0001f600")),
        ("<Message>\n  Hi\n  there\n</Message>", MessageVerb(body="Hi\n  there")),
        ("<Message><![CDATA[<b>]]><!-- no --> x</Message>", MessageVerb(body="<b> x")),
        ("<Message><Body> a</Body> out <Body> b </Body></Message>", MessageVerb(body="a b")),
        ("<Message><Body/></Message>", MessageVerb(body="")),
        ("<Message> <Media>\nhttp://x/1 </Media></Message>", MessageVerb(media=("http://x/1",))),
        (
            "<Message>Hi<Media>http://x/1</Media> you<Media>/2</Media></Message>",
            MessageVerb(body="Hi you", media=("http://x/1", "/2")),
        ),
        (
            "<Message to='+1' from='+2' action='/a' method='get' statusCallback='/s'>x</Message>",
            MessageVerb(to="+1", from_="+2", body="x", action="/a", method="GET", status_callback="/s"),
        ),
        ("<Message to='' action=''>x</Message>", MessageVerb(body="x")),
        ("<Redirect> /next?a=1&amp;b=2 </Redirect>", RedirectVerb(url="/next?a=1&b=2")),
        ("<Redirect method='GET'>http://x/</Redirect>", RedirectVerb(url="http://x/", method="GET")),
    ],
)
def test_reads_a_verb(inner: str, verb: cxml.Verb) -> None:
    assert cxml.parse(f"<Response>{inner}</Response>".encode()) == cxml.Document(verbs=(verb,))


def test_keeps_the_order() -> None:
    document = cxml.parse(b"<Response><Message>1</Message><Redirect>/2</Redirect><Message>3</Message></Response>")
    assert document.verbs == (MessageVerb(body="1"), RedirectVerb(url="/2"), MessageVerb(body="3"))


@pytest.mark.parametrize(
    ("inner", "verbs", "warning"),
    [
        ("<Sms>x</Sms>", (), "unknown verb <Sms>"),
        ("<message>x</message>", (), "unknown verb <message>"),
        ("<Redirect> </Redirect>", (), "<Redirect> without a URL"),
        ("<Message>a<b>c</b>d</Message>", (MessageVerb(body="ad"),), "unknown noun <b>"),
        ("<Message>a<Media/></Message>", (MessageVerb(body="a"),), "<Media> without a URL"),
        ("<Message tooo='+1'>a</Message>", (MessageVerb(body="a"),), "unknown attribute tooo of <Message>"),
        ("<Message To='+1'>a</Message>", (MessageVerb(body="a"),), "unknown attribute To of <Message>"),
        ("<Redirect action='/x'>/y</Redirect>", (RedirectVerb(url="/y"),), "unknown attribute action of <Redirect>"),
        ("<Message method='PUT'>a</Message>", (MessageVerb(body="a"),), "method PUT"),
    ],
)
def test_warns(inner: str, verbs: tuple[cxml.Verb, ...], warning: str) -> None:
    document = cxml.parse(f"<Response>{inner}</Response>".encode())
    assert document.verbs == verbs
    assert len(document.warnings) == 1
    assert warning in document.warnings[0]


def test_bounds_the_warnings() -> None:
    document = cxml.parse(b"<Response>" + b"<x/>" * 1000 + b"</Response>")
    assert len(document.warnings) == cxml.MAX_WARNINGS


@pytest.mark.parametrize(
    "document",
    [
        pytest.param(b"hello", id="text"),
        pytest.param(b'{"a": 1}', id="JSON"),
        pytest.param(b"<html><body>Error</body></html>", id="HTML"),
        pytest.param(b"<response/>", id="lower case"),
        pytest.param(b"<Response>", id="not closed"),
        pytest.param(b"<Response/><Response/>", id="two roots"),
        pytest.param(b" <?xml version='1.0'?><Response/>", id="leading space"),
        pytest.param(b"<Response>\xff</Response>", id="not UTF-8"),
        pytest.param(b"<Response>&nbsp;</Response>", id="undefined entity"),
        pytest.param(b"<!DOCTYPE Response><Response/>", id="DTD"),
        pytest.param(b"<!DOCTYPE r [<!ENTITY a 'b'>]><Response>&a;</Response>", id="entity"),
        pytest.param(b"<!DOCTYPE r [<!ENTITY a SYSTEM 'file:///etc/passwd'>]><Response>&a;</Response>", id="external"),
        pytest.param(b"<?xml version='1.0' encoding='nil'?><Response/>", id="unknown encoding"),
        pytest.param(b"<?xml version='1.0' encoding='shift_jis'?><Response>\x83</Response>", id="multi-byte encoding"),
        pytest.param(b"\0", id="NUL"),
    ],
)
def test_refuses_what_is_no_document(document: bytes) -> None:
    with pytest.raises(cxml.DocumentError) as caught:
        cxml.parse(document)
    assert caught.value.code == 12100


@pytest.mark.parametrize("encoding", ["utf-8", "utf-8-sig", "utf-16", "iso-8859-1"])
def test_reads_the_declared_encoding(encoding: str) -> None:
    declaration = f"<?xml version='1.0' encoding='{encoding.removesuffix('-sig')}'?>"
    text = declaration + "<Response><Message>\u00e9</Message></Response>"
    assert cxml.parse(text.encode(encoding)).verbs == (MessageVerb(body="\u00e9"),)


def test_bounds_the_size() -> None:
    frame = b"<Response><Message></Message></Response>"
    fitting = b"<Response><Message>" + b"x" * (cxml.MAX_DOCUMENT_BYTES - len(frame)) + b"</Message></Response>"
    assert len(cxml.parse(fitting).verbs) == 1
    with pytest.raises(cxml.DocumentError) as caught:
        cxml.parse(fitting + b"\n")
    assert caught.value.code == 11750


def test_takes_deep_nesting_without_recursion() -> None:
    depth = 9000
    document = b"<Response><Message>" + b"<a>" * depth + b"</a>" * depth + b"</Message></Response>"
    assert cxml.parse(document).verbs == (MessageVerb(),)


@given(
    st.lists(
        st.sampled_from(["<Response>", "</Response>", "<Message>", "</Message>", "<Body/>", "x", "&lt;", "\x00", "]]>"])
    ).map("".join)
)
def test_raises_nothing_but_document_errors(text: str) -> None:
    try:
        cxml.parse(text.encode())
    except cxml.DocumentError as error:
        assert error.code == 12100
