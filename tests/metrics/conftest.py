from tests.datadog.fixtures import run, window

__all__ = ["run", "window"]
