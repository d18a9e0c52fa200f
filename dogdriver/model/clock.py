"""The time, as everything but the wiring gets it."""

from collections.abc import Callable
from datetime import datetime

Clock = Callable[[], datetime]
"""Gives the time now, aware, UTC."""
