"""A Datadog of our own, faithful to what is recorded of the real one, for the demo and for every test.

What it does not know is a parse error or a 404, never a made-up answer.
"""

from dogdriver.demo.standin.app import make_app, serve_standin
from dogdriver.demo.standin.budget import Limit
from dogdriver.demo.standin.points import Delay
from dogdriver.demo.standin.state import STANDIN, Gaps, ReceivedRequest, Standin

__all__ = ["STANDIN", "Delay", "Gaps", "Limit", "ReceivedRequest", "Standin", "make_app", "serve_standin"]
