"""The files of a test repository: molotov.json and what it names, none of which may lead out of it."""

import json
import os
import re
import shutil
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from dogdriver.errors import CheckoutError, LoadTestError
from dogdriver.model.text import shortened

FILE = "molotov.json"
SCENARIO = "loadtest.py"  # Molotov's own default
LARGEST = 1024 * 1024  # bytes of a molotov.json or a requirements file
LEFT_OUT = frozenset({
    ".git", ".hg", "__pycache__", ".venv", "venv", ".tox", ".mypy_cache", ".pytest_cache", ".ruff_cache",
    "node_modules",
})  # fmt: skip
MOST_FILES = 10_000
MOST_BYTES = 500 * 1024 * 1024
_MODULE = re.compile(r"[A-Za-z_]\w*(\.[A-Za-z_]\w*)*")


@dataclass(frozen=True, slots=True)
class Entry:
    """*options* as Molotov knows them, with `scenario` and the complete `env`.

    *files* are all that the entry names: the scenario, the requirements.
    """

    options: Mapping[str, Any]
    requirements: Path | None
    files: tuple[Path, ...]


def find_entry(root: Path, folder: Path, name: str) -> Entry:
    """The entry called *name* in the molotov.json of *folder*, a folder of the checkout *root*.

    Raises LoadTestError where there is no such entry or no such scenario, CheckoutError where the file is missing or
    malformed or leads out of the repository.
    """
    config = _config(root, folder)
    tests = _mapping(config, "tests", "")
    if name not in tests:
        known = ", ".join(sorted(map(str, tests))) or "none"
        raise LoadTestError(
            f"{FILE} has no test called {name!r} (there is: {known}); correct the test's `name` or add the entry."
        )
    options = _mapping(tests, name, "tests.")
    env = {**_env(config, "env"), **_env(options, f"tests.{name}.env")}
    scenario = options.get("scenario", SCENARIO)
    if not isinstance(scenario, str):
        raise CheckoutError(f"`tests.{name}.scenario` in {FILE} must be the name of a file; correct it.")
    files = [_scenario(root, folder, scenario)]
    requirements = config.get("requirements")
    if requirements is not None:
        if not isinstance(requirements, str):
            raise CheckoutError(f"`requirements` in {FILE} must be the name of a file; correct it.")
        files.append(inside(root, folder, requirements, f"the `requirements` of {FILE}"))
    return Entry(
        {**options, "scenario": scenario, "env": env}, files[1] if requirements is not None else None, tuple(files)
    )


def _config(root: Path, folder: Path) -> dict[str, Any]:
    path = inside(root, folder, FILE, "the test's description")
    if not _is_file(path):
        raise CheckoutError(f"There is no {FILE} in the test's repository; add one, or set the test's `path`.")
    try:
        document = json.loads(read(path, root))
    except (ValueError, RecursionError) as error:
        raise CheckoutError(f"{FILE} is not JSON ({error}); correct it.") from None
    if not isinstance(document, dict):
        raise CheckoutError(f"{FILE} must hold an object with the key `molotov`; correct it.")
    return _mapping(document, "molotov", "")


def _mapping(parent: dict[str, Any], key: str, where: str) -> dict[str, Any]:
    value = parent.get(key)
    if not isinstance(value, dict):
        raise CheckoutError(f"`{where}{key}` in {FILE} must be there and be an object; correct it.")
    return value


def _env(parent: dict[str, Any], shown: str) -> dict[str, str]:
    """The variables in *parent*; a number or a flag is taken as its text, as people write them so."""
    env = parent.get("env") or {}
    if not isinstance(env, dict) or not all(isinstance(v, str | int | float) for v in env.values()):
        raise CheckoutError(f"`{shown}` in {FILE} must be an object of texts; correct it.")
    if any("=" in key or "\0" in key or "\0" in str(env[key]) or not key for key in env):
        raise CheckoutError(f"`{shown}` in {FILE} holds a name or a value that no variable can have; correct it.")
    return {key: value if isinstance(value, str) else json.dumps(value) for key, value in env.items()}


def _scenario(root: Path, folder: Path, scenario: str) -> Path:
    """The file of *scenario*, which is the name of a file or, as in Molotov, of a module."""
    path = inside(root, folder, scenario, f"the `scenario` of {FILE}")
    if _is_file(path):
        return path
    if _MODULE.fullmatch(scenario):
        for ending in (".py", "/__init__.py"):
            module = inside(root, folder, scenario.replace(".", "/") + ending, f"the `scenario` of {FILE}")
            if _is_file(module):
                return module
    raise LoadTestError(
        f"There is no scenario {shortened(scenario, 200)!r} in the test's repository; "
        f"correct `scenario` in {FILE} or add the file."
    )


def inside(root: Path, folder: Path, name: str, what: str) -> Path:
    """The path of *name* in *folder*, links followed. Raises CheckoutError where it does not lie in *root*."""
    try:
        path = (folder / name).resolve()
        within = bool(name) and "\0" not in name and path.is_relative_to(root.resolve())
    except (OSError, RuntimeError, ValueError):  # a circle of links, a name that no file can have
        within = False
    if not within:
        raise CheckoutError(
            f"{shortened(name, 200)!r}, {what}, does not lie in the test's repository; name a file of the repository."
        )
    return path


def _is_file(path: Path) -> bool:
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


def copy_folder(folder: Path, into: Path) -> None:
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
