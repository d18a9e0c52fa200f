"""What goes wrong on this machine and not at the service: such a request was never sent, and tells nothing of it."""

import errno
import socket

OWN = frozenset({
    errno.EMFILE, errno.ENFILE, errno.EADDRNOTAVAIL, errno.EADDRINUSE, errno.ENOBUFS, errno.ENOMEM, errno.EAGAIN,
    errno.ENETDOWN, errno.ENETUNREACH,
})  # fmt: skip
"""No descriptor, port, buffer, memory or network was left to the load generator."""

OWN_TROUBLE = "own_trouble"
"""The code of an error that says so."""

_DEEPEST = 8


def own_trouble(error: BaseException) -> str | None:
    """In words, where *error*, or what it comes from, is this machine's own trouble; None: it is the service's."""
    found: BaseException | None = error
    for _ in range(_DEEPEST):
        if found is None:
            return None
        if said := _said(found):
            return said
        found = getattr(found, "os_error", None) or found.__cause__ or found.__context__
    return None


def _said(error: BaseException) -> str | None:
    if isinstance(error, socket.gaierror):
        return f"the host's name was not found: {error.strerror or error}"
    if isinstance(error, OSError) and error.errno in OWN:
        return error.strerror or errno.errorcode[error.errno]
    if isinstance(error, MemoryError):
        return "out of memory"
    if isinstance(error, RuntimeError) and "can't start new thread" in str(error):
        return "no thread could be started"
    return None
