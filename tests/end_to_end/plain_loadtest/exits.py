import sys

from molotov import scenario


@scenario()
async def leave(session):
    sys.exit(3)
