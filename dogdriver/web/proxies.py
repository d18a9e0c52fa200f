"""Who asks through a proxy: what it says of that is believed where the proxy is one of those that are trusted."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from ipaddress import IPv4Address, IPv4Network, IPv6Address, IPv6Network, ip_address
from typing import Any

from aiohttp import web
from aiohttp.typedefs import Handler

LONGEST = 100  # characters of a login name
USER = web.RequestKey("user", str)
"""The login name, where a trusted proxy has told one."""


@dataclass(frozen=True, slots=True)
class Proxies:
    """The *trusted* ones, and in which header they tell the login name (*user_header*, None: they tell none)."""

    trusted: Sequence[IPv4Network | IPv6Network] = ()
    user_header: str | None = None

    def trust(self, address: IPv4Address | IPv6Address | None) -> bool:
        return address is not None and any(address in network for network in self.trusted)

    def resolve(self, request: web.Request) -> web.Request:
        """The request as who has sent it first: its `remote` and `scheme`, and USER."""
        peer = _address(request.remote or "")
        if not self.trust(peer):
            return request if peer is None or str(peer) == request.remote else request.clone(remote=str(peer))
        if self.user_header and (name := _login(request.headers.getall(self.user_header, []))):
            request[USER] = name
        client = peer
        for told in _forwarded(request, "X-Forwarded-For"):
            if (address := _address(told)) is None:
                break  # what stands before it was said by nobody that is known
            client = address
            if not self.trust(client):
                break
        schemes = [one.lower() for one in _forwarded(request, "X-Forwarded-Proto")]
        scheme = schemes[-1] if schemes and schemes[-1] in {"http", "https"} else request.scheme
        return request.clone(remote=str(client), scheme=scheme)


def seen_through(proxies: Proxies) -> Any:
    """The middleware behind which a request is as who has sent it first."""

    @web.middleware
    async def see(request: web.Request, handler: Handler) -> web.StreamResponse:
        return await handler(proxies.resolve(request))

    return see


def _forwarded(request: web.Request, header: str) -> Iterator[str]:
    """The entries of *header*, the nearest proxy's first."""
    entries = ",".join(request.headers.getall(header, [])).split(",")
    return (entry.strip() for entry in reversed(entries) if entry.strip())


def _address(text: str) -> IPv4Address | IPv6Address | None:
    """`1.2.3.4`, `::1`, and with a port `1.2.3.4:80`, `[::1]:80`; an IPv4 address in IPv6's form is one."""
    if text.startswith("["):
        text = text[1:].partition("]")[0]
    elif text.count(":") == 1:
        text = text.partition(":")[0]
    try:
        address = ip_address(text)
    except ValueError:
        return None
    return getattr(address, "ipv4_mapped", None) or address


def _login(values: Sequence[str]) -> str | None:
    """A name that is told once, and can be shown."""
    name = values[0].strip() if len(values) == 1 else ""
    return name if name.isprintable() and 0 < len(name) <= LONGEST else None
