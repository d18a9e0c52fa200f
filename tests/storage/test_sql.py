"""Where SQL stands: in the storage package, and nowhere else."""

import re
from pathlib import Path

import dogdriver

PACKAGE = Path(dogdriver.__file__).parent
SQL = re.compile(
    r"\b(SELECT .+ FROM|INSERT INTO|DELETE FROM|UPDATE \w+ SET|PRAGMA \w)|\bimport (aio)?sqlite3?\b|sqlite3\."
)


def test_all_sql_stands_in_the_storage_package() -> None:
    found = {
        path.relative_to(PACKAGE).parts[0] for path in PACKAGE.rglob("*.py") if SQL.search(path.read_text("utf-8"))
    }
    assert found == {"storage"}
