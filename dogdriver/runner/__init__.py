"""Molotov inside the daemon: its workers in a loop of their own, in a thread or in child processes.

The only package that touches Molotov. `MolotovRunner` is the pipeline's Runner.
"""

from dogdriver.runner.molotov import MolotovRunner
from dogdriver.runner.supervisor import Limits

__all__ = ["Limits", "MolotovRunner"]
