"""A worker's step, as a test wants it."""

import asyncio


class Steps:
    """Work that is done in three steps; the first *failures* looks at it raise."""

    def __init__(self, *, failures: int = 0) -> None:
        self.left, self.failures, self.looks = 3, failures, 0
        self.idle = asyncio.Event()

    async def __call__(self) -> bool:
        self.looks += 1
        if self.failures:
            self.failures -= 1
            raise ZeroDivisionError
        if self.left:
            self.left -= 1
            return True
        self.idle.set()
        return False
