from tests.datadog.fixtures import (
    aioresponses_for_aiohttp,
    clock,
    datadog,
    impatient,
    latency,
    run,
    secrets_stay_out,
    session,
    standin,
    window,
)

__all__ = [
    "aioresponses_for_aiohttp",
    "clock",
    "datadog",
    "impatient",
    "latency",
    "run",
    "secrets_stay_out",
    "session",
    "standin",
    "window",
]
