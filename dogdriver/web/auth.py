"""Who may do what: a token, as a bearer header or through a signed session cookie; and where a request comes from."""

import hmac
import logging
import secrets
from collections import OrderedDict, deque
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import NoReturn
from urllib.parse import urlsplit

from aiohttp import hdrs, web
from itsdangerous import BadSignature, TimestampSigner

from dogdriver.errors import Forbidden, TooManyAttempts, Unauthenticated
from dogdriver.model import Clock
from dogdriver.settings import Secret
from dogdriver.tokens import OWNER, Keyring, digest
from dogdriver.web.client import client_address
from dogdriver.web.mount import MOUNT
from dogdriver.web.proxies import USER

LOG = logging.getLogger(__name__)

COOKIE = "dogdriver_session"
SESSION = timedelta(days=7)
ATTEMPTS = 10  # wrong tokens from one address within WINDOW
ATTEMPTS_IN_ALL = 100  # from all of them
WINDOW = timedelta(minutes=5)
MOST_ADDRESSES = 10_000
MARK = 16  # letters of a token's digest in its sessions
SAFE = frozenset({hdrs.METH_GET, hdrs.METH_HEAD, hdrs.METH_OPTIONS})
OPEN = frozenset({"/__lbheartbeat__", "/__heartbeat__", "/__version__", "/login"})
"""What a private daemon still answers to everybody."""
ANY_HOST = frozenset({"/__lbheartbeat__", "/__heartbeat__", "/__version__", "/metrics"})
"""What is asked from beside the daemon, by its address."""


@dataclass(frozen=True, slots=True)
class Actor:
    """Who asks, by the name of the token, or by the one that a trusted proxy has told (*at_proxy*)."""

    name: str
    read_only: bool = False
    at_proxy: bool = False


ACTOR = web.RequestKey("actor", Actor)
"""In a request that needs one."""


class Access:
    """Checks tokens and sessions, and counts the wrong ones."""

    def __init__(
        self,
        token: Secret,
        clock: Clock,
        *,
        private: bool,
        public_url: str | None = None,
        keyring: Keyring | None = None,
    ) -> None:
        self.private = private
        self._token = token.reveal().encode()
        self._own_mark = digest(token.reveal())[:MARK]
        self._clock = clock
        self._keyring = keyring or Keyring(None, clock)
        self._signer = _Signer(token.reveal(), clock)
        self._public = urlsplit(public_url) if public_url else None
        self._guesses = Guesses(clock)

    def actor(self, request: web.Request) -> Actor | None:
        """By a bearer token, a session, or the name that a trusted proxy has told. A wrong bearer token raises
        Unauthenticated, for nobody sends one without meaning it, unless it may be the proxy's own; so may every other
        Authorization be, which is left aside.
        """
        token = _bearer(request)
        if token is not None and (USER not in request or self._owner(token)):
            return self._sent(request, token)
        return self.without_token(request)

    def without_token(self, request: web.Request) -> Actor | None:
        """By what a browser sends along; for the pages that tell of a wrong token."""
        return self._session(request) or self._signed_in_at_proxy(request)

    def signed_in(self, request: web.Request) -> bool:
        return self.actor(request) is not None

    def has_session(self, request: web.Request) -> bool:
        return self._session(request) is not None

    def require(self, request: web.Request) -> None:
        """Raises Unauthenticated without a token or session, Forbidden for one that may only read, and for a write from
        another site's page.
        """
        by_itself = self.has_session(request) or USER in request  # what a browser sends along from any page
        if request.method not in SAFE and (hdrs.ORIGIN in request.headers or by_itself):
            self.check_origin(request)
        actor = self.identify(request)
        if actor.read_only:
            raise Forbidden(f"the token {actor.name} is for reading alone; use one that may change something")

    def identify(self, request: web.Request) -> Actor:
        """Who asks; raises Unauthenticated where nobody does. What is changed then is kept under this name."""
        actor = self.actor(request)
        if actor is None:
            if (scheme := _scheme(request)) not in {None, "bearer"}:
                raise Unauthenticated(f"the Authorization header is {scheme!r}; send `Authorization: Bearer TOKEN`")
            self.refuse()
        request[ACTOR] = actor
        return actor

    def public_address(self, request: web.Request) -> str:
        """Where this dogDriver is, for who asks by *request*; without a slash at the end."""
        return self._public.geturl().rstrip("/") if self._public else str(request.url.origin())

    def share(self, path: str) -> str:
        """*path*, a feed's or a badge's, as it is given to who has no token: nobody can guess it where that matters."""
        return f"{path}?key={self._share_key(path)}" if self.private else path

    def shared(self, request: web.Request) -> bool:
        """Whether the address of *request* is one that `share` has given."""
        key = request.query.get("key", "")
        return hmac.compare_digest(key.encode(), self._share_key(request.rel_url.raw_path).encode())

    def _share_key(self, path: str) -> str:
        """A new token makes all of them new."""
        return hmac.new(self._token, f"dogdriver.share:{path}".encode(), "sha256").hexdigest()[:32]

    def refuse(self) -> NoReturn:
        raise Unauthenticated(
            "this needs the token: send it as `Authorization: Bearer TOKEN`, or sign in at /login "
            "(`dogdriver token` shows it)"
        )

    def check_host(self, request: web.Request) -> None:
        """Raises Forbidden for a page or a write under another name than the public one: a name that somebody else has
        given to our address would make our pages theirs.
        """
        reads_api = request.path.startswith(("/api/", "/dogdriver/api/")) and request.method in SAFE
        free = request.path in ANY_HOST or (reads_api and COOKIE not in request.cookies)
        if (
            self._public
            and not free
            and request.host.lower() not in _spellings(self._public.scheme, self._public.netloc)
        ):
            raise Forbidden(
                f"this dogDriver is at {self._public.geturl()}, not at {request.host}; ask there, and have a proxy "
                "pass the Host header on"
            )

    def check_origin(self, request: web.Request) -> None:
        origin = request.headers.get(hdrs.ORIGIN)
        token = _bearer(request)
        if origin is None and token is not None and (USER not in request or self._owner(token)):
            return  # no browser: a browser says where a write comes from
        ours = _spellings(self._public.scheme, self._public.netloc) if self._public else {request.host.lower()}
        if origin is None or _host_of(origin) not in ours:
            raise Forbidden("this came from another site's page; do it from dogDriver's own pages")

    def start_session(self, request: web.Request, response: web.StreamResponse, actor: Actor, token: str) -> None:
        """*actor* has shown *token*."""
        response.set_cookie(
            COOKIE,
            self._signer.sign(f"{actor.name}:{digest(token)[:MARK]}:{secrets.token_hex(8)}").decode(),
            max_age=int(SESSION.total_seconds()),
            path=request.app[MOUNT] or "/",
            httponly=True,
            samesite="Strict",
            secure=self._secure(request),
        )

    def end_session(self, request: web.Request, response: web.StreamResponse) -> None:
        """Not in this browser alone: whoever has copied the cookie has nothing, either."""
        if self.has_session(request):
            session = self._signer.read(request.cookies[COOKIE])
            self._keyring.end_session(session, self._clock() + SESSION)
        response.del_cookie(
            COOKIE, path=request.app[MOUNT] or "/", httponly=True, samesite="Strict", secure=self._secure(request)
        )

    def recognize(self, request: web.Request, token: str) -> Actor | None:
        """Whose *token* it is. A wrong one after too many raises TooManyAttempts; a right one never does: who guesses
        from behind the same proxy locks out nobody.
        """
        if actor := self._owner(token):
            return actor
        self._guesses.count(client_address(request))
        return None

    def _owner(self, token: str) -> Actor | None:
        if hmac.compare_digest(token.encode(errors="surrogateescape"), self._token):
            return Actor(OWNER)
        named = self._keyring.find(token)
        return Actor(named.name, named.read_only) if named else None

    def _signed_in_at_proxy(self, request: web.Request) -> Actor | None:
        """May do what the token may: whom the proxy lets in is its business."""
        name = request.get(USER)
        if name is None:
            return None
        taken = name == OWNER or any(one.name == name for one in self._keyring.all())
        return Actor(f"{name} (at the proxy)" if taken else name, at_proxy=True)

    def _session(self, request: web.Request) -> Actor | None:
        cookie = request.cookies.get(COOKIE)
        session = self._signer.read(cookie) if cookie else ""
        name, _, rest = session.partition(":")
        mark = rest.partition(":")[0]
        if not mark or self._keyring.has_ended(session):
            return None
        if name == OWNER:
            return Actor(OWNER) if mark == self._own_mark else None
        named = self._keyring.named(name, mark)
        return Actor(named.name, named.read_only) if named else None

    def _sent(self, request: web.Request, token: str) -> Actor:
        actor = self.recognize(request, token)
        if actor is None:
            raise Unauthenticated("this is not the token; `dogdriver token` shows it on the daemon's host")
        return actor

    def _secure(self, request: web.Request) -> bool:
        if request.secure:
            return True
        public = self._public
        return public is not None and public.scheme == "https" and public.netloc.lower() == request.host.lower()


class Guesses:
    """Wrong tokens of the last WINDOW, by address and in all."""

    def __init__(self, clock: Clock) -> None:
        self._clock = clock
        self._by_address: OrderedDict[str, deque[datetime]] = OrderedDict()
        self._all: deque[datetime] = deque()
        self._told: dict[str, datetime] = {}

    def count(self, address: str) -> None:
        """One more from *address*. Raises TooManyAttempts where there were too many before it."""
        now = self._clock()
        own = self._by_address.setdefault(address, deque())
        self._by_address.move_to_end(address)
        if len(self._by_address) > MOST_ADDRESSES:
            self._by_address.popitem(last=False)
        for times in (own, self._all):
            while times and now - times[0] > WINDOW:
                times.popleft()
        for times, most, whose in ((own, ATTEMPTS, "this address"), (self._all, ATTEMPTS_IN_ALL, "everywhere")):
            if len(times) >= most:
                self._tell(address, now)
                wait = (times[0] + WINDOW - now).total_seconds()
                raise TooManyAttempts(
                    f"too many wrong tokens from {whose}; send the right one (`dogdriver token` shows it on the "
                    f"daemon's host), or try again in {max(1, round(wait / 60))} minutes",
                    retry_after=wait,
                )
        own.append(now)
        self._all.append(now)

    def _tell(self, address: str, now: datetime) -> None:
        """One line for each address, until it has been quiet for a while."""
        if address not in self._told:
            LOG.warning("too many wrong tokens: those from %s are refused for a while", address)
        self._told = {one: at for one, at in self._told.items() if now - at <= WINDOW} | {address: now}


def _scheme(request: web.Request) -> str | None:
    """Of the Authorization header, in small letters."""
    header = request.headers.get(hdrs.AUTHORIZATION)
    return None if header is None else header.partition(" ")[0].lower()


def _bearer(request: web.Request) -> str | None:
    """The token in the Authorization header, where it is one for tokens."""
    if _scheme(request) != "bearer":
        return None
    return request.headers[hdrs.AUTHORIZATION].partition(" ")[2].strip()


def _spellings(scheme: str, netloc: str) -> set[str]:
    """A host, with the port that its scheme has by itself and without."""
    port = {"https": ":443", "http": ":80"}.get(scheme, "")
    plain = netloc.lower().removesuffix(port)
    return {plain, netloc.lower(), plain + port}


def _host_of(origin: str) -> str | None:
    try:
        return urlsplit(origin).netloc.lower()
    except ValueError:
        return None


class _Signer(TimestampSigner):
    """Sessions are signed with the daemon's own token, so a new one ends them all."""

    def __init__(self, token: str, clock: Clock) -> None:
        super().__init__(token, salt="dogdriver.session")
        self._now = clock

    def get_timestamp(self) -> int:
        return int(self._now().astimezone(UTC).timestamp())

    def read(self, cookie: str) -> str:
        """The session in *cookie*; "" where it is none, or too old."""
        if not cookie.isascii():
            return ""
        try:
            return self.unsign(cookie, max_age=int(SESSION.total_seconds())).decode(errors="replace")
        except BadSignature:
            return ""
