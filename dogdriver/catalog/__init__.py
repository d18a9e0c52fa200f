"""Which projects, deployments and tests exist: ServiceBook and a projects file, joined by name."""

from dogdriver.catalog.catalog import ProjectCatalogue
from dogdriver.catalog.join import Usual

__all__ = ["ProjectCatalogue", "Usual"]
