"""The dashboard and the JSON API: it reads the store, commands the pipeline, and owns nothing with a lifetime."""

from dogdriver.web.routes import setup

__all__ = ["setup"]
