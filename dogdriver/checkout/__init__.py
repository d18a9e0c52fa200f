"""git and requirements: a test repository becomes a directory that can be run."""

from dogdriver.checkout.checkouts import TestCheckouts

__all__ = ["TestCheckouts"]
