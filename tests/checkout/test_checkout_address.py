"""Which addresses and refs are taken, and that nothing else ever reaches git."""

import re

import pytest
from hypothesis import given
from hypothesis import strategies as st

from dogdriver.checkout.address import Address, check_ref, parse
from dogdriver.errors import CheckoutError


@pytest.mark.parametrize(
    ("url", "text", "canonical"),
    [
        ("https://github.com/o/r", "https://github.com/o/r", "https://github.com/o/r"),
        ("https://github.com/o/r.git/", "https://github.com/o/r.git", "https://github.com/o/r"),
        ("HTTPS://GitHub.com:443/O/r", "https://github.com/O/r", "https://github.com/O/r"),
        ("http://127.0.0.1:8080/r", "http://127.0.0.1:8080/r", "http://127.0.0.1:8080/r"),
        ("http://[::1]:80/r", "http://[::1]/r", "http://[::1]/r"),
        ("ssh://git@host:22/o/r.git", "ssh://git@host/o/r.git", "ssh://git@host/o/r"),
        ("git@host:o/r.git", "git@host:o/r.git", "ssh://git@host/o/r"),
        ("host:o/r", "host:o/r", "ssh://host/o/r"),
        ("git://host/r", "git://host/r", "git://host/r"),
        ("file:///srv/r.git", "file:///srv/r.git", "file:///srv/r.git"),
        ("file:///srv/a b@c/r", "file:///srv/a b@c/r", "file:///srv/a b@c/r"),
        ("/srv//load test/./", "/srv/load test", "/srv/load test"),
    ],
)
def test_taken(url: str, text: str, canonical: str) -> None:
    address = parse(url)
    assert (address.text, address.canonical) == (text, canonical)
    assert address.folder is url.startswith("/")
    assert address.local is url.startswith(("/", "file:"))


@pytest.mark.parametrize(
    "url",
    [
        "", " ", "-x", "--upload-pack=touch /tmp/x", "ext::sh -c 'touch /tmp/x'", "fd::17", "EXT::sh", "transport::a",
        "::a", "-oProxyCommand=id:x", "user@-oProxyCommand=id:x", "ssh://-oProxyCommand=id/x", "host:-x", "host:../x",
        "ssh://git:secret@host/x", "https://user@github.com/o/r", "https://github.com@evil.org/o/r",
        "https://github.com/o/../../evil/x", "https://github.com/o/%2e%2e/x", "https://github.com/o/x%00y",
        "https://github.com\\@evil.org/x", "https://github.com/o/x@evil", "https://github.com/o//x", "https:///o/x",
        "https://github.com/", "https://github.com", "https://github.com/o/r?x=1", "https://github.com/o/r#main",
        "https://github.com/o/r?", "https://git hub.com/o/r", "https://github.com/o/r\nx", "https://github.com/o/r\0",
        "https://git.example.:99999/o", "https://[::1/o", "https://-host/o", "ftp://host/x", "file://host/x",
        "file://../x", "file:///srv/../etc", "/srv/../etc", "./relative", "relative", "C:\\x", "https://hést/o/r",
        "https://github.com/o/r/tree/master/x", "https://github.com/" + "a" * 2000,
    ],
)  # fmt: skip
def test_refused(url: str) -> None:
    with pytest.raises(CheckoutError) as caught:
        parse(url)
    assert caught.value.message.endswith(".")
    assert "secret" not in caught.value.message
    assert len(caught.value.message) < 500


def test_a_refusal_says_what_to_do() -> None:
    with pytest.raises(CheckoutError) as caught:
        parse("https://me:secret@github.com/o/r")
    assert caught.value.message == (
        "The test address 'https://***@github.com/o/r' holds a user or a password; leave them out, and use ssh with a "
        "key for a private repository; give the address of a git repository, such as https://github.com/owner/name."
    )


PIECES = st.sampled_from(
    ["https://", "http://", "ssh://", "file://", "ext::", "-", "--upload-pack=", "@", ":", "/", "//", "..", "%2e", "\\",
     "github.com", "evil.org", "git", "\n", "\0", " ", "?", "#", "[::1]", "localhost", "-o", "é", "。"]
) | st.text(max_size=4)  # fmt: skip
WHOLE = re.compile(
    r"(https?|git)://(\[[0-9a-f:.]+\]|[a-z0-9][a-z0-9._-]*)(:\d+)?/[^\s@\\?#]+"
    r"|ssh://(\w[\w.-]*@)?(\[[0-9a-f:.]+\]|[a-z0-9][a-z0-9._-]*)(:\d+)?/[^\s@\\?#]+"
    r"|file:///[^\\]*|(\w[\w.-]*@)?[a-z0-9][a-z0-9._-]*:[^-:\s@\\][^:\s@\\]*|/[^\\]*"
)


@given(st.lists(PIECES, max_size=8).map("".join) | st.text())
def test_what_is_taken_has_no_room_for_tricks(url: str) -> None:
    try:
        address = parse(url)
    except CheckoutError:
        return
    assert WHOLE.fullmatch(address.text), address.text
    assert ".." not in address.text.split("/")
    assert address.text.isprintable()
    assert parse(address.text) == address, "one spelling"


@pytest.mark.parametrize("ref", ["HEAD", "main", "v1.2.3", "feature/x", "a" * 40, "refs/pull/3/head", "@"])
def test_refs(ref: str) -> None:
    assert check_ref(ref) == ref


@pytest.mark.parametrize(
    "ref",
    ["", "-x", "--upload-pack=x", "a b", "a:b", "+a", "a..b", "a~1", "a^", "a*", "a\n", "@{1}", "a.lock", "/a", "a/"],
)
def test_bad_refs(ref: str) -> None:
    with pytest.raises(CheckoutError, match="is not a git ref; give a branch"):
        check_ref(ref)


def test_an_address_is_a_value() -> None:
    assert parse("/x") == Address("/x", "/x", folder=True, local=True)
