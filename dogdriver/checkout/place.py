"""Files of a test repository, none of which may lead out of it."""

from pathlib import Path

from dogdriver.errors import CheckoutError

LARGEST = 1024 * 1024  # bytes of a molotov.json or a requirements file


def inside(root: Path, folder: Path, name: str, what: str) -> Path:
    """The path of *name* in *folder*, links followed. Raises CheckoutError where it does not lie in *root*."""
    try:
        path = (folder / name).resolve()
        within = bool(name) and "\0" not in name and path.is_relative_to(root.resolve())
    except (OSError, RuntimeError, ValueError):  # a circle of links, a name that no file can have
        within = False
    if not within:
        raise CheckoutError(
            f"{name[:200]!r}, {what}, does not lie in the test's repository; name a file of the repository."
        )
    return path


def is_file(path: Path) -> bool:
    """Whether there is a file; a name that is too long for one is none."""
    try:
        return path.is_file()
    except OSError:
        return False


def read(file: Path, root: Path) -> str:
    """The text of *file*. Raises CheckoutError."""
    shown = file.relative_to(root)
    try:
        if file.stat().st_size > LARGEST:
            raise CheckoutError(f"{shown} is larger than {LARGEST // 1024} KiB; make it smaller.")
        return file.read_text(encoding="utf-8-sig")
    except FileNotFoundError:
        raise CheckoutError(f"There is no file {shown} in the test's repository; add it.") from None
    except OSError as error:
        raise CheckoutError(f"{shown} in the test's repository cannot be read: {error.strerror}.") from None
    except UnicodeDecodeError:
        raise CheckoutError(f"{shown} in the test's repository is not UTF-8; save it as UTF-8.") from None
