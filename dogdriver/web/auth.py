"""Who may do what: the token, as a bearer header or through a signed session cookie; and where a write comes from."""

import hmac
from collections import OrderedDict, deque
from datetime import UTC, datetime, timedelta
from typing import NoReturn
from urllib.parse import urlsplit

from aiohttp import hdrs, web
from itsdangerous import BadSignature, TimestampSigner

from dogdriver.errors import Forbidden, TooManyAttempts, Unauthenticated
from dogdriver.model import Clock
from dogdriver.settings import Secret

COOKIE = "dogdriver_session"
SESSION = timedelta(days=7)
ATTEMPTS = 10  # wrong tokens from one address within WINDOW
WINDOW = timedelta(minutes=5)
MOST_ADDRESSES = 10_000
SAFE = frozenset({hdrs.METH_GET, hdrs.METH_HEAD, hdrs.METH_OPTIONS})
OPEN = frozenset({"/__lbheartbeat__", "/__heartbeat__", "/__version__", "/login"})
"""What a private daemon still answers to everybody."""


class Access:
    """Checks tokens and sessions, and counts the wrong ones."""

    def __init__(self, token: Secret, clock: Clock, *, private: bool, public_url: str | None = None) -> None:
        self.private = private
        self._token = token.reveal().encode()
        self._clock = clock
        self._signer = _Signer(token.reveal(), clock)
        self._public = urlsplit(public_url) if public_url else None
        self._wrong_tokens: OrderedDict[str, deque[datetime]] = OrderedDict()

    def signed_in(self, request: web.Request) -> bool:
        """By either way; a wrong bearer token raises Unauthenticated, for nobody sends one without meaning it."""
        if hdrs.AUTHORIZATION in request.headers:
            self._check_bearer(request)
            return True
        return self.has_session(request)

    def has_session(self, request: web.Request) -> bool:
        cookie = request.cookies.get(COOKIE)
        return cookie is not None and self._signer.is_valid(cookie)

    def require(self, request: web.Request) -> None:
        """Raises Unauthenticated without a token or session, Forbidden for a write from another site's page."""
        if request.method not in SAFE and (hdrs.ORIGIN in request.headers or self.has_session(request)):
            self.check_origin(request)
        if not self.signed_in(request):
            self.refuse()

    def refuse(self) -> NoReturn:
        raise Unauthenticated(
            "this needs the token: send it as `Authorization: Bearer TOKEN`, or sign in at /login "
            "(`dogdriver token` shows it)"
        )

    def check_origin(self, request: web.Request) -> None:
        origin = request.headers.get(hdrs.ORIGIN)
        if origin is None and hdrs.AUTHORIZATION in request.headers:
            return  # no browser: a browser says where a write comes from
        ours = {request.host.lower()} | ({self._public.netloc.lower()} if self._public else set())
        if origin is None or urlsplit(origin).netloc.lower() not in ours:
            raise Forbidden("this came from another site's page; do it from dogDriver's own pages")

    def start_session(self, request: web.Request, response: web.StreamResponse) -> None:
        response.set_cookie(
            COOKIE,
            self._signer.new_session(),
            max_age=int(SESSION.total_seconds()),
            path="/",
            httponly=True,
            samesite="Strict",
            secure=self._secure(request),
        )

    def end_session(self, request: web.Request, response: web.StreamResponse) -> None:
        response.del_cookie(COOKIE, path="/", httponly=True, samesite="Strict", secure=self._secure(request))

    def _secure(self, request: web.Request) -> bool:
        if request.secure or request.headers.get("X-Forwarded-Proto", "").lower() == "https":
            return True
        public = self._public
        return public is not None and public.scheme == "https" and public.netloc.lower() == request.host.lower()

    def _check_bearer(self, request: web.Request) -> None:
        scheme, _, token = request.headers[hdrs.AUTHORIZATION].partition(" ")
        if scheme.lower() != "bearer":
            raise Unauthenticated(f"the Authorization header is {scheme!r}; send `Authorization: Bearer TOKEN`")
        if not self.is_token(request, token.strip()):
            raise Unauthenticated("this is not the token; `dogdriver token` shows it on the daemon's host")

    def is_token(self, request: web.Request, token: str) -> bool:
        """A wrong one after too many from the same address raises TooManyAttempts."""
        if hmac.compare_digest(token.encode(errors="surrogateescape"), self._token):
            return True  # whoever else guesses from behind the same proxy
        address = request.remote or ""
        now = self._clock()
        wrong = self._wrong_tokens.get(address)
        while wrong and now - wrong[0] > WINDOW:
            wrong.popleft()
        if wrong and len(wrong) >= ATTEMPTS:
            wait = (wrong[0] + WINDOW - now).total_seconds()
            raise TooManyAttempts(
                f"too many wrong tokens from this address; send the right one (`dogdriver token` shows it on the "
                f"daemon's host), or try again in {max(1, round(wait / 60))} minutes",
                retry_after=wait,
            )
        self._wrong_tokens.setdefault(address, deque()).append(now)
        self._wrong_tokens.move_to_end(address)
        if len(self._wrong_tokens) > MOST_ADDRESSES:
            self._wrong_tokens.popitem(last=False)
        return False


class _Signer(TimestampSigner):
    """A session is a signed moment: its key is the token, so a new token ends all sessions."""

    def __init__(self, token: str, clock: Clock) -> None:
        super().__init__(token, salt="dogdriver.session")
        self._now = clock

    def get_timestamp(self) -> int:
        return int(self._now().astimezone(UTC).timestamp())

    def new_session(self) -> str:
        return self.sign("session").decode()

    def is_valid(self, cookie: str) -> bool:
        try:
            return self.unsign(cookie, max_age=int(SESSION.total_seconds())) == b"session"
        except BadSignature:
            return False
