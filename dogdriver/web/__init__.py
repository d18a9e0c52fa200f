"""The dashboard and the JSON API. It reads the store and gives commands to the pipeline; it owns nothing with a lifetime."""

from dogdriver.web.routes import setup

__all__ = ["setup"]
