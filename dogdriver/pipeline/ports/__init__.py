"""What the pipeline needs of the world, as small Protocols, and what it offers; app.py gives it the real things."""

from dogdriver.pipeline.ports.commands import Commands
from dogdriver.pipeline.ports.datadog import Datadog
from dogdriver.pipeline.ports.load import CatalogSource, Checkouts, Runner, Target
from dogdriver.pipeline.ports.store import Commits, Store

__all__ = ["CatalogSource", "Checkouts", "Commands", "Commits", "Datadog", "Runner", "Store", "Target"]
