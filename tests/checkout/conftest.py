"""Real git repositories, real packages in a folder, and a place to check them out."""

import json
import os
import subprocess
import zipfile
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from dogdriver.checkout import TestCheckouts
from dogdriver.errors import CheckoutError, LoadTestError
from dogdriver.model import Test

MOLOTOV = {"molotov": {"tests": {"dogdriver": {"workers": 1, "duration": 1}}}}
LOADTEST = "from molotov import scenario\n"


class Repository:
    """A git repository with one test in it."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        folder.mkdir(parents=True)
        self.git("init", "--quiet", "--initial-branch=main")
        self.write("molotov.json", MOLOTOV)
        self.write("loadtest.py", LOADTEST)
        self.first = self.commit("first")

    @property
    def url(self) -> str:
        return f"file://{self.folder}"

    def write(self, name: str, content: Any) -> None:
        path = self.folder / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(content if isinstance(content, str) else json.dumps(content))

    def commit(self, message: str) -> str:
        self.git("add", "--all", "--force")
        self.git("commit", "--quiet", "-m", message)
        return self.git("rev-parse", "HEAD")

    def git(self, *words: str) -> str:
        env = {
            "PATH": os.defpath, "HOME": "/nonexistent", "GIT_CONFIG_NOSYSTEM": "1", "GIT_AUTHOR_NAME": "A",
            "GIT_AUTHOR_EMAIL": "a@example.com", "GIT_COMMITTER_NAME": "A", "GIT_COMMITTER_EMAIL": "a@example.com",
        }  # fmt: skip
        done = subprocess.run(["git", *words], cwd=self.folder, env=env, capture_output=True, text=True, check=True)
        return done.stdout.strip()


@pytest.fixture
def repository(starts_processes: None, tmp_path: Path) -> Repository:
    return Repository(tmp_path / "origin")


class Index:
    """A folder of wheels, which is all that uv may see."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        folder.mkdir()

    def add(self, name: str, version: str, *requires: str) -> Path:
        path = self.folder / f"{name}-{version}-py3-none-any.whl"
        info = f"{name}-{version}.dist-info"
        meta = f"Metadata-Version: 2.1\nName: {name}\nVersion: {version}\n"
        with zipfile.ZipFile(path, "w") as wheel:
            wheel.writestr(f"{name}.py", f"version = {version!r}\n")
            wheel.writestr(f"{info}/METADATA", meta + "".join(f"Requires-Dist: {r}\n" for r in requires))
            wheel.writestr(f"{info}/WHEEL", "Wheel-Version: 1.0\nRoot-Is-Purelib: true\nTag: py3-none-any\n")
            wheel.writestr(f"{info}/RECORD", "")
        return path


@pytest.fixture
def index(tmp_path: Path) -> Index:
    return Index(tmp_path / "index")


Make = Callable[..., TestCheckouts]


@pytest.fixture
def checkouts(starts_processes: None, tmp_path: Path, index: Index) -> Make:
    def make(**more: Any) -> TestCheckouts:
        environ = {
            "PATH": os.defpath, "UV_NO_INDEX": "1", "UV_FIND_LINKS": str(index.folder), "UV_OFFLINE": "1",
            "DD_API_KEY": "a secret",
        }  # fmt: skip
        packages = {"molotov": "2.6", "aiohttp": "3.14.5", "Some_Package": "1.0"}
        return TestCheckouts(tmp_path / "data", **{"environ": environ, "packages": packages, "seconds": 300.0, **more})

    return make


async def reason(checkouts: TestCheckouts, test: Test) -> str:
    with pytest.raises((CheckoutError, LoadTestError)) as caught:
        await checkouts.prepare(test)
    return caught.value.message


def names(directory: Path) -> list[str]:
    return sorted(path.name for path in directory.iterdir())
