"""Who has changed what."""

from datetime import datetime

import msgspec


class Change(msgspec.Struct, frozen=True):
    """*who* is the name of a token, *what* a method and a route, *subject* the run or the project that was changed."""

    at: datetime
    who: str
    what: str
    subject: str
    address: str
