"""Who asks: the one place that says from which address a request comes."""

from aiohttp import web


def client_address(request: web.Request) -> str:
    """The address of the client; "" where there is none."""
    return request.remote or ""
