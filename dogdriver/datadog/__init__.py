"""Datadog over HTTP: events out, settled metrics in, results back. Nothing else in dogDriver knows Datadog."""

from dogdriver.datadog.client import Datadog
from dogdriver.datadog.health import Endpoint, Health
from dogdriver.datadog.query import DEFAULT_FINGERPRINT, DEFAULT_METRICS, default_metrics

__all__ = ["DEFAULT_FINGERPRINT", "DEFAULT_METRICS", "Datadog", "Endpoint", "Health", "default_metrics"]
