"""Requirements on disk: a directory for sys.path, made by uv, kept for as long as nothing about it changes."""

import hashlib
import json
import re
import shutil
import sys
import sysconfig
from collections.abc import Mapping
from pathlib import Path
from tempfile import mkdtemp

import uv
from packaging.utils import canonicalize_name

from dogdriver.checkout.process import Finished, run, surroundings
from dogdriver.checkout.requirements import Requirements
from dogdriver.errors import CheckoutError

_USERINFO = re.compile(r"//[^/\s]*@")


class Sites:
    """Installed requirements under *directory*. *own* are the daemon's packages (normalised name → version).

    A site holds only what the daemon does not have, so that no package is there twice. It is found again by its
    requirements, the daemon's versions, the Python and the platform; what an unpinned requirement meant on the first
    day, it means until one of these changes.
    """

    def __init__(self, directory: Path, *, own: Mapping[str, str], environ: Mapping[str, str], seconds: float) -> None:
        self._directory = directory
        self._own = own
        self._seconds = seconds
        self._env = {
            **surroundings(environ),
            **{name: value for name, value in environ.items() if name.startswith("UV_")},
            **({"HOME": environ["HOME"]} if "HOME" in environ else {}),
        }

    async def install(self, wanted: Requirements, *, folder: Path, content: str) -> Path | None:
        """The directory with *wanted* in it; None: there is nothing to install. Raises CheckoutError.

        Relative paths in the requirements count from *folder*, whose state is *content*."""
        if not any(not line.startswith("-") for line in wanted.lines):
            return None
        site = self._directory / self._key(wanted, content)
        if not site.exists():
            self._directory.mkdir(parents=True, exist_ok=True)
            work = Path(mkdtemp(dir=self._directory, prefix="new-"))
            try:
                await self._fill(work, wanted, folder)
                (work / "site").mkdir(exist_ok=True)
                if not site.exists():
                    (work / "site").rename(site)
            finally:
                shutil.rmtree(work, ignore_errors=True)
        site.touch()
        return site

    def _key(self, wanted: Requirements, content: str) -> str:
        parts = [
            wanted.lines, sorted(wanted.hashes.items()), sorted(self._own.items()),
            sys.implementation.cache_tag, sysconfig.get_platform(), None if wanted.exact else content,
        ]  # fmt: skip
        return hashlib.sha256(json.dumps(parts).encode()).hexdigest()[:32]

    async def _fill(self, work: Path, wanted: Requirements, folder: Path) -> None:
        """Resolve everything with our versions as constraints, then install what we do not have."""
        asked, pins, chosen = work / "asked.txt", work / "constraints.txt", work / "chosen.txt"
        asked.write_text("\n".join(wanted.lines) + "\n", encoding="utf-8")
        pins.write_text("".join(f"{name}=={version}\n" for name, version in self._own.items()), encoding="utf-8")
        resolved = await self._uv(
            work, folder, "compile", "--no-header", "--no-annotate", "--emit-index-url", "--emit-find-links",
            "--constraints", pins, "--output-file", chosen, asked,
        )  # fmt: skip
        if not resolved.ok:
            raise CheckoutError(_explained(resolved, self._seconds))
        lines = [line for line in chosen.read_text(encoding="utf-8").splitlines() if self._missing(line)]
        chosen.write_text("\n".join(line + _hashes(line, wanted) for line in lines) + "\n", encoding="utf-8")
        done = await self._uv(work, folder, "install", "--no-deps", "--target", work / "site", "--requirements", chosen)
        if not done.ok:
            raise CheckoutError(_explained(done, self._seconds))

    def _missing(self, line: str) -> bool:
        return _name(line) not in self._own

    async def _uv(self, work: Path, cwd: Path, command: str, *words: str | Path) -> Finished:
        common = ("--quiet", "--no-progress", "--python", sys.executable, "--cache-dir", work / "cache")
        try:
            program = uv.find_uv_bin()
        except FileNotFoundError:
            raise CheckoutError("There is no uv beside this Python; install dogDriver's dependencies.") from None
        argv = (program, "pip", command, *common, *words)
        return await run(argv, env=self._env, cwd=cwd, seconds=self._seconds)


def _name(line: str) -> str:
    return canonicalize_name(re.split(r"[\s=@\[;<>~!]", line, maxsplit=1)[0])


def _hashes(line: str, wanted: Requirements) -> str:
    options = wanted.hashes.get(_name(line))
    return f" {options}" if options else ""


def _explained(done: Finished, seconds: float) -> str:
    if done.code is None:
        return f"The test's requirements were not installed within {seconds:g} s; make them fewer or try later."
    lines = [line.strip().removeprefix("error: ").removeprefix("cause: ") for line in done.err.splitlines()]
    text = _USERINFO.sub("//***@", "; ".join(line.rstrip(".") for line in lines if line))[:700]
    if "unsatisfiable" in text:
        return (
            f"The test's requirements cannot be met together with the daemon's own packages: {text}. Change them, or "
            "use a daemon whose packages they fit."
        )
    return f"The test's requirements cannot be installed: {text or 'uv says nothing'}. Correct them or try later."
