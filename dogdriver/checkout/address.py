"""Where a test repository lives: which addresses are taken at all, and the one spelling that an allow-list sees."""

import re
from dataclasses import dataclass
from urllib.parse import unquote, urlsplit

from dogdriver.errors import CheckoutError
from dogdriver.model.text import shortened

SCHEMES = {"https": 443, "http": 80, "ssh": 22, "git": 9418, "file": None}
LONGEST = 1000

_HOST = re.compile(r"[A-Za-z0-9](?:[A-Za-z0-9._-]*[A-Za-z0-9])?")
_USER = re.compile(r"[A-Za-z0-9_][A-Za-z0-9._-]*")
_SCP = re.compile(r"(?:(?P<user>[^@:/]*)@)?(?P<host>[^@:/]+):(?P<path>[^:]*)")
_HELPER = re.compile(r"[A-Za-z0-9+.-]*::")
_PAGE = re.compile(r"((?:www\.)?github\.com/[^/]+/[^/]+)/.+")
_USERINFO = re.compile(r"//[^/]*@")
_REF = re.compile(r"[A-Za-z0-9_@][A-Za-z0-9_@#%=,/.+-]*")


@dataclass(frozen=True, slots=True)
class Address:
    """*text* is what git or the file system gets; *canonical* has one spelling for one repository.

    *local* stays on this machine; *folder* is a path and no git address.
    """

    text: str
    canonical: str
    folder: bool = False
    local: bool = False


def parse(url: str) -> Address:
    """The address that *url* means: https, http, ssh, git or file, `user@host:path`, or the absolute path of a folder.

    Raises CheckoutError for everything else, above all for what git would execute or what names one place and reaches
    another: transport helpers (`ext::…`), leading dashes, control characters, `..`, user and password.
    """
    if not url:
        raise CheckoutError("The test has no address; give the address of its git repository.")
    if len(url) > LONGEST or not url.isprintable() or "\\" in url:
        raise _refused(url, "is longer than an address may be, or holds a control character or a backslash")
    if url.startswith("-") or _HELPER.match(url):
        raise _refused(url, "is not an address but an instruction to git")
    if url.startswith("/"):
        parts = [part for part in url.split("/") if part not in {"", "."}]
        if ".." in parts:
            raise _refused(url, "has `..` in it")
        text = "/" + "/".join(parts)
        return Address(text, text, folder=True, local=True)
    if " " in url and not url.startswith("file:"):
        raise _refused(url, "holds a space: are these several addresses?")
    return _from_url(url) if "://" in url else _from_scp(url)


def check_ref(ref: str) -> str:
    """*ref* itself, if it can be the name of a branch, a tag or a commit. Raises CheckoutError."""
    bad = not _REF.fullmatch(ref) or ".." in ref or "//" in ref or "@{" in ref
    if bad or ref.endswith(("/", ".", ".lock")) or "/." in ref or len(ref) > LONGEST:
        raise CheckoutError(f"{_shown(ref)} is not a git ref; give a branch, a tag, a full commit hash or HEAD.")
    return ref


def _from_url(url: str) -> Address:
    try:
        parts = urlsplit(url)
        port = parts.port
    except ValueError:
        raise _refused(url, "is not a well-formed address") from None
    scheme = parts.scheme.lower()
    if scheme not in SCHEMES:
        raise _refused(url, f"is not one of {', '.join(SCHEMES)}")
    if "?" in url or "#" in url:
        raise _refused(url, "has a query or a fragment, so it is a page and not a repository")
    _check_path(url, parts.path, on_server=scheme != "file")
    path = "/" + parts.path.strip("/")
    if scheme == "file":
        if parts.netloc or not parts.path.startswith("/"):
            raise _refused(url, "must have the form file:///absolute/path")
        return Address(f"file://{path}", f"file://{path}", local=True)
    user = _user(url, scheme, parts.netloc)
    host = (parts.hostname or "").lower()
    if not _HOST.fullmatch(host) and not _is_ipv6(host):
        raise _refused(url, "has no proper host")
    host = f"[{host}]" if ":" in host else host
    if path == "/":
        raise _refused(url, "names a host and no repository")
    if page := _PAGE.fullmatch(f"{host}{path}"):
        raise _refused(url, f"is a page inside the repository https://{page[1]}")
    place = user + host + ("" if port in {None, SCHEMES[scheme]} else f":{port}")
    return Address(f"{scheme}://{place}{path}", f"{scheme}://{place}{path.removesuffix('.git')}")


def _user(url: str, scheme: str, netloc: str) -> str:
    """`user@` where ssh has one. A password, or any user elsewhere, is a secret in the wrong place or a disguise."""
    user, at, _ = netloc.rpartition("@")
    if not at:
        return ""
    if scheme != "ssh" or not _USER.fullmatch(user):
        raise _refused(
            url, "holds a user or a password; leave them out, and use ssh with a key for a private repository"
        )
    return f"{user}@"


def _from_scp(url: str) -> Address:
    match = _SCP.fullmatch(url)
    if not match:
        raise _refused(url, "is neither an address with a scheme nor an absolute path")
    user, host, path = match["user"], match["host"], match["path"]
    if not _HOST.fullmatch(host) or (user is not None and not _USER.fullmatch(user)) or path.startswith("-"):
        raise _refused(url, "has no proper host")
    _check_path(url, path)
    if not path.strip("/"):
        raise _refused(url, "names a host and no repository")
    place = (f"{user}@" if user else "") + host.lower()
    return Address(f"{place}:{path}", f"ssh://{place}/{path.strip('/').removesuffix('.git')}")


def _check_path(url: str, path: str, *, on_server: bool = True) -> None:
    """*on_server*: there, an `@` would make one take the owner for a user."""
    plain = unquote(path)
    if not plain.isprintable() or "\\" in plain or any(part in {".", ".."} for part in plain.split("/")):
        raise _refused(url, "has a path with `..` or a control character in it")
    if on_server and "@" in plain:
        raise _refused(url, "has `@` in its path")
    if "//" in plain.strip("/"):
        raise _refused(url, "has an empty part in its path")


def _is_ipv6(host: str) -> bool:
    return bool(re.fullmatch(r"[0-9a-f:.]*:[0-9a-f:.]*", host))


def _refused(url: str, why: str) -> CheckoutError:
    return CheckoutError(
        f"The test address {_shown(url)} {why}; give the address of a git repository, "
        "such as https://github.com/owner/name."
    )


def _shown(text: str) -> str:
    """*text* cut short, without what may be a password."""
    return repr(shortened(_USERINFO.sub("//***@", text), 200))
