"""[project.load]: what a project's loads may take."""

from typing import Any

from dogdriver.catalog import toml_values as values


def longest(value: Any) -> float:
    """Seconds after which a load is cut; raises ValueError with what may stand there."""
    if not isinstance(value, dict) or set(value) != {"longest"}:
        raise ValueError('must be a table with `longest`, as { longest = "1h" }')
    return values.seconds(value["longest"])
