"""What a run measures on the client side: latencies, status counts, errors, and the load generator's own health.

A `Recorder` per load loop gives a `Recording`, which can cross a process boundary; `measures` sums several up.
"""

from dogdriver.recorder.failures import describe
from dogdriver.recorder.latencies import Latencies
from dogdriver.recorder.measures import measures
from dogdriver.recorder.recorder import Recorder
from dogdriver.recorder.recording import Recording

__all__ = ["Latencies", "Recorder", "Recording", "describe", "measures"]
