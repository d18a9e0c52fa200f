import pytest


@pytest.fixture(autouse=True)
def _all(starts_processes: None) -> None:
    """Everything here starts daemons."""
