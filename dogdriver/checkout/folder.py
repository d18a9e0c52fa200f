"""A local folder as a test repository: a copy is run, so that an edit meanwhile changes nothing."""

import os
import shutil
from pathlib import Path

from dogdriver.errors import CheckoutError

LEFT_OUT = frozenset({
    ".git", ".hg", "__pycache__", ".venv", "venv", ".tox", ".mypy_cache", ".pytest_cache", ".ruff_cache",
    "node_modules",
})  # fmt: skip
MOST_FILES = 10_000
MOST_BYTES = 500 * 1024 * 1024


def copy(folder: Path, into: Path) -> None:
    """Copy *folder* into the empty directory *into*, links as links, without what tools leave there.

    A folder of it that holds *into* (the daemon's data, where people try things out) is left out. Raises CheckoutError.
    """
    folder = folder.resolve()
    if not folder.is_dir():
        raise CheckoutError(f"There is no folder {folder}; correct the address of the test.")
    files = size = 0
    try:
        for here, folders, names in os.walk(folder, onerror=_raise):
            target = into / Path(here).relative_to(folder)
            links = [name for name in folders if (Path(here) / name).is_symlink()]
            folders[:] = [
                name
                for name in folders
                if name not in LEFT_OUT and name not in links and not into.is_relative_to(Path(here) / name)
            ]
            for name in folders:
                (target / name).mkdir()
            for name in links + [name for name in names if not name.endswith(".pyc")]:
                source = Path(here) / name
                if not source.is_symlink() and not source.is_file():
                    continue  # a socket, a pipe
                files += 1
                size += source.lstat().st_size
                if files > MOST_FILES or size > MOST_BYTES:
                    raise CheckoutError(
                        f"The folder {folder} holds more than {MOST_FILES} files or {MOST_BYTES // 1024**2} MiB; give "
                        "the folder of the test alone."
                    )
                shutil.copy2(source, target / name, follow_symlinks=False)
    except OSError as error:
        raise CheckoutError(f"The folder {folder} cannot be copied: {error.strerror or error}.") from None


def _raise(error: OSError) -> None:
    raise error
