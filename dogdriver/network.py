"""How the world outside is reached where a company stands between: its proxy, and its certificate authority."""

import logging
import ssl
from collections.abc import Mapping
from pathlib import Path
from urllib.parse import urlsplit
from urllib.request import proxy_bypass_environment  # type: ignore[attr-defined]  # typeshed has it for some platforms

import aiohttp
from aiohttp.helpers import strip_auth_from_url
from yarl import URL

from dogdriver.errors import SettingsError

log = logging.getLogger(__name__)

CA_FILES = ("SSL_CERT_FILE", "REQUESTS_CA_BUNDLE", "CURL_CA_BUNDLE", "GIT_SSL_CAINFO", "AWS_CA_BUNDLE")
"""Each client's own name of the file with the certificates that it trusts; where one is set, all have it."""
CA_FOLDERS = ("SSL_CERT_DIR", "GIT_SSL_CAPATH")
GIVE_CA = "give the file of the authority that signs it as SSL_CERT_FILE"
UNTRUSTED = f"its certificate is not trusted; {GIVE_CA}, or correct the address"
LOOPBACK = ("localhost", "127.0.0.1", "::1")


def certificates(environ: Mapping[str, str]) -> dict[str, str]:
    """The variables by which every client finds what *environ* names for one of them. Raises SettingsError."""
    found: dict[str, str] = {}
    for names in (CA_FILES, CA_FOLDERS):
        given = [name for name in names if environ.get(name)]
        found |= {name: environ[name if name in given else given[0]] for name in names if given}
        for name in given:
            if not Path(environ[name]).exists():
                raise SettingsError(f"{name} names {environ[name]}, which is not there; correct it")
    return found


def http_client(environ: Mapping[str, str] | None = None) -> aiohttp.ClientSession:
    """For whom the daemon asks: through the proxies of *environ*, trusting what it names.

    Cookies are not kept: one of a load balancer would pin every question to the same host of a service. aiohttp's own
    `trust_env` would also send what stands in ~/.netrc.
    """
    environ = environ or {}
    ca, connector = certificates(environ), None
    if ca:
        context = ssl.create_default_context()
        context.load_verify_locations(ca.get("SSL_CERT_FILE"), ca.get("SSL_CERT_DIR"))
        connector = aiohttp.TCPConnector(ssl=context)
    proxies = _Proxies(environ)
    return aiohttp.ClientSession(cookie_jar=aiohttp.DummyCookieJar(), connector=connector, middlewares=(proxies,))


DIRECT: tuple[aiohttp.ClientMiddlewareType, ...] = ()
"""The `middlewares` of a request that goes through no proxy, as the load does."""


def untrusted(error: BaseException) -> str | None:
    """The sentence for a certificate that is not trusted; None where *error* is another one."""
    if not isinstance(error, aiohttp.ClientConnectorCertificateError):
        return None
    why = getattr(error.certificate_error, "verify_message", "") or "not valid"
    return f"its certificate is not trusted ({why}); {GIVE_CA}, or correct the address"


class _Proxies:
    """Sends each request through the proxy that the variables say, if any."""

    def __init__(self, environ: Mapping[str, str]) -> None:
        self._known: dict[str, str] = {}
        for name in ("ALL_PROXY", "HTTP_PROXY", "HTTPS_PROXY", "NO_PROXY"):
            text = environ.get(name.lower(), environ.get(name, ""))  # curl's order
            kind = name.lower().removesuffix("_proxy")
            if text and kind != "no":
                text = text if "://" in text else f"http://{text}"
                if urlsplit(text).scheme != "http":
                    log.warning("%s is no http:// proxy: Datadog and ServiceBook are asked without it", name)
                    continue
            if text:
                self._known[kind] = text

    async def __call__(
        self, request: aiohttp.ClientRequest, handler: aiohttp.ClientHandlerType
    ) -> aiohttp.ClientResponse:
        address = self._known.get(request.url.scheme) or self._known.get("all")
        host = request.url.host or ""
        named = host if ":" in host else f"{host}:{request.url.port}"
        if address and host not in LOOPBACK and not proxy_bypass_environment(named, self._known):
            proxy, auth = strip_auth_from_url(URL(address))
            request.update_proxy(proxy, auth, None)
        return await handler(request)
