"""Which projects, deployments and tests exist: ServiceBook and a projects file, joined by name."""

from dogdriver.catalog.catalog import ProjectCatalog
from dogdriver.catalog.join import Defaults

__all__ = ["Defaults", "ProjectCatalog"]
