"""The socket between the daemon and one process of a crew: JSON lines of messages one way, words the other."""

import os
import signal
import socket
import threading
from collections.abc import Callable
from contextlib import suppress

import msgspec

from dogdriver.loadgen.protocol import Message, Order

GO = b"go\n"
STOP = b"stop\n"
_ORDER_LONGEST = 1 << 24


class Hello(msgspec.Struct, tag=True):
    """A process that will load is there, and waits for GO until it is on record."""

    pid: int


ENCODER = msgspec.json.Encoder()
DECODER: msgspec.json.Decoder[Message | Hello] = msgspec.json.Decoder(Message | Hello)


class Wire:
    """The process's end. When the daemon's end closes, the daemon is gone, and the whole process group is killed."""

    def __init__(self, descriptor: int) -> None:
        self._socket = socket.socket(fileno=descriptor)
        self._words = self._socket.makefile("rb")
        self._lock = threading.Lock()

    def order(self) -> Order:
        return msgspec.json.decode(self._word(), type=Order)

    def wait_for_go(self) -> bool:
        """False where the load is to stop before it has begun."""
        return self._word() == GO

    def listen(self, stop: Callable[[], None]) -> None:
        """From now on STOP calls *stop*, in a thread."""
        threading.Thread(target=self._listen, args=(stop,), name="daemon", daemon=True).start()

    def tell(self, message: Message | Hello) -> None:
        with self._lock, suppress(OSError):  # a closed socket: the listening thread ends us
            self._socket.sendall(ENCODER.encode(message) + b"\n")

    def close(self) -> None:
        """This process's copy of the descriptor only: after a fork the buffers' locks may be held for ever."""
        os.close(self._socket.fileno())

    def _listen(self, stop: Callable[[], None]) -> None:
        while self._word() == STOP:
            stop()

    def _word(self) -> bytes:
        word = b""
        with suppress(OSError):
            word = self._words.readline(_ORDER_LONGEST)
        if not word.endswith(b"\n"):
            os.killpg(os.getpgrp(), signal.SIGKILL)
        return word
