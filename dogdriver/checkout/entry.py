"""molotov.json: the entry of a test, and what stands beside it."""

import json
import re
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from dogdriver.checkout.place import inside, is_file, read
from dogdriver.errors import CheckoutError, LoadTestError

FILE = "molotov.json"
SCENARIO = "loadtest.py"  # Molotov's own default

_MODULE = re.compile(r"[A-Za-z_]\w*(\.[A-Za-z_]\w*)*")


@dataclass(frozen=True, slots=True)
class Entry:
    """*options* as Molotov knows them, with `scenario` and the complete `env`.

    *files* are all that the entry names: the scenario, the requirements.
    """

    options: Mapping[str, Any]
    requirements: Path | None
    files: tuple[Path, ...]


def find(root: Path, folder: Path, name: str) -> Entry:
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
    if not is_file(path):
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
    if is_file(path):
        return path
    if _MODULE.fullmatch(scenario):
        for ending in (".py", "/__init__.py"):
            module = inside(root, folder, scenario.replace(".", "/") + ending, f"the `scenario` of {FILE}")
            if is_file(module):
                return module
    raise LoadTestError(
        f"There is no scenario {scenario[:200]!r} in the test's repository; "
        f"correct `scenario` in {FILE} or add the file."
    )
