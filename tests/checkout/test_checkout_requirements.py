"""Requirements: what is installed, what gives way, and what cannot be."""

import hashlib
import os
from pathlib import Path

import pytest

from dogdriver.checkout.requirements import Sites, reconcile
from dogdriver.errors import CheckoutError
from dogdriver.model import Test

from .conftest import Index, Make, Repository


@pytest.fixture
def asking(repository: Repository) -> Repository:
    """A repository whose molotov.json names requirements.txt."""
    repository.write("molotov.json", {"molotov": {"requirements": "requirements.txt", "tests": {"dogdriver": {}}}})
    return repository


def modules(site: str) -> list[str]:
    return sorted(path.name for path in Path(site).glob("*.py"))


async def failure(checkouts: Make, asking: Repository, requirements: str) -> str:
    asking.write("requirements.txt", requirements)
    with pytest.raises(CheckoutError) as caught:
        await checkouts().prepare(Test(str(asking.folder)))
    return caught.value.message


async def test_what_is_missing_is_installed_and_nothing_twice(
    checkouts: Make, asking: Repository, index: Index
) -> None:
    index.add("needed", "1.0", "aiohttp>=3", "further")
    index.add("further", "2.0")
    index.add("aiohttp", "3.14.5")
    asking.write("requirements.txt", "needed==1.0  # a comment\nmolotov\n\naiohttp>=3\n")
    prepared = await checkouts().prepare(Test(str(asking.folder)))
    assert prepared.site
    assert modules(prepared.site) == ["further.py", "needed.py"]
    assert prepared.notes == ()


async def test_it_is_installed_once(checkouts: Make, asking: Repository, index: Index) -> None:
    wheel = index.add("needed", "1.0")
    asking.write("requirements.txt", "needed")
    first = await checkouts().prepare(Test(str(asking.folder)))
    wheel.unlink()
    asking.write("loadtest.py", "# edited")
    assert (await checkouts().prepare(Test(str(asking.folder)))).site == first.site
    index.add("needed", "2.0")
    asking.write("requirements.txt", "needed>1")
    newer = await checkouts().prepare(Test(str(asking.folder)))
    assert newer.site
    assert newer.site != first.site
    assert (Path(newer.site) / "needed.py").read_text() == "version = '2.0'\n"


async def test_another_daemon_s_versions_make_another_site(checkouts: Make, asking: Repository, index: Index) -> None:
    index.add("needed", "1.0")
    asking.write("requirements.txt", "needed")
    first = await checkouts().prepare(Test(str(asking.folder)))
    other = await checkouts(packages={"molotov": "2.7"}).prepare(Test(str(asking.folder)))
    assert first.site != other.site


async def test_what_the_daemon_has_needs_no_index(checkouts: Make, asking: Repository) -> None:
    asking.write(
        "requirements.txt",
        "molotov\nmolotov>=2\nsome.package==1.0\nother; python_version < '3'\n--index-url https://none.example\n",
    )
    prepared = await checkouts().prepare(Test(str(asking.folder)))
    assert (prepared.site, prepared.notes) == (None, ())


async def test_a_pin_that_clashes_gives_way_and_is_named(checkouts: Make, asking: Repository, index: Index) -> None:
    index.add("needed", "1.0")
    asking.write(
        "requirements.txt", "molotov==1.3\naiohttp<3\nmolotov @ git+https://github.com/loads/molotov\nneeded\n"
    )
    prepared = await checkouts().prepare(Test(str(asking.folder)))
    assert prepared.notes == (
        "requirement relaxed: molotov==1.3 → 2.6, the daemon's own version",
        "requirement relaxed: aiohttp<3 → 3.14.5, the daemon's own version",
        "requirement relaxed: molotov @ git+https://github.com/loads/molotov → 2.6, the daemon's own version",
    )
    assert prepared.site


async def test_what_cannot_go_together_is_said(checkouts: Make, asking: Repository, index: Index) -> None:
    index.add("clashing", "1.0", "aiohttp<3")
    index.add("aiohttp", "2.0")
    message = await failure(checkouts, asking, "clashing\n")
    assert message.startswith("The test's requirements cannot be met together with the daemon's own packages: ")
    assert "clashing depend on aiohttp<3 and aiohttp==3.14.5" in message.replace("depends", "depend")


@pytest.mark.parametrize(
    ("requirements", "why"),
    [
        ("nosuchpackage\n", "nosuchpackage was not found"),
        ("foo ~~ 3\n", "The requirement 'foo ~~ 3' is malformed"),
        ("-r other.txt\n", "There is no file other.txt in the test's repository"),
        ("-r ../../other.txt\n", "included in requirements.txt, does not lie in the test's repository"),
        ("-r /etc/passwd\n", "does not lie in the test's repository"),
        ("-c/etc/passwd\nx", "does not lie in the test's repository"),
        ("-r requirements.txt\n", "include one another"),
        ("--find-links /etc\nx", "does not lie in the test's repository"),
        ("--no-such-option\nfoo\n", "cannot be installed"),
        ("https://me:secret@127.0.0.1:1/x-1.0-py3-none-any.whl", "cannot be installed"),
    ],
)
async def test_bad_requirements_get_a_sentence(
    checkouts: Make, asking: Repository, requirements: str, why: str
) -> None:
    message = await failure(checkouts, asking, requirements)
    assert why in message
    assert "secret" not in message
    assert len(message) < 1000


async def test_a_failed_installation_leaves_nothing(checkouts: Make, asking: Repository, tmp_path: Path) -> None:
    await failure(checkouts, asking, "nosuchpackage\n")
    assert list((tmp_path / "data" / "sites").iterdir()) == []


async def test_included_files_and_hashes(checkouts: Make, asking: Repository, index: Index) -> None:
    digest = hashlib.sha256(index.add("needed", "1.0").read_bytes()).hexdigest()
    asking.write("deps/more.txt", f"needed==1.0 \\\n    --hash=sha256:{digest}\n")
    asking.write("requirements.txt", "-r deps/more.txt\n")
    prepared = await checkouts().prepare(Test(str(asking.folder)))
    assert prepared.site
    assert (Path(prepared.site) / "needed.py").exists()
    wrong = "0" * 64
    asking.write("deps/more.txt", f"needed==1.0 --hash=sha256:{wrong}\n")
    message = await failure(checkouts, asking, "-r deps/more.txt\n")
    assert "Hash mismatch" in message


async def test_a_folder_of_the_repository_is_installed_and_followed(checkouts: Make, asking: Repository) -> None:
    backend = """
import zipfile
def get_requires_for_build_wheel(config_settings=None): return []
def build_wheel(directory, config_settings=None, metadata_directory=None):
    name = "local-1.0-py3-none-any.whl"
    with zipfile.ZipFile(f"{directory}/{name}", "w") as z:
        z.write("local.py")
        z.writestr("local-1.0.dist-info/METADATA", "Metadata-Version: 2.1\\nName: local\\nVersion: 1.0\\n")
        z.writestr("local-1.0.dist-info/WHEEL", "Wheel-Version: 1.0\\nRoot-Is-Purelib: true\\nTag: py3-none-any\\n")
        z.writestr("local-1.0.dist-info/RECORD", "")
    return name
"""
    asking.write("lib/pyproject.toml", '[build-system]\nrequires = []\nbuild-backend = "b"\nbackend-path = ["."]\n')
    asking.write("lib/b.py", backend)
    asking.write("lib/local.py", "version = 1\n")
    asking.write("requirements.txt", "-e ./lib\n")
    first = await checkouts().prepare(Test(str(asking.folder)))
    assert first.site
    asking.write("lib/local.py", "version = 2\n")
    second = await checkouts().prepare(Test(str(asking.folder)))
    assert second.site
    assert (Path(first.site) / "local.py").read_text() == "version = 1\n"
    assert (Path(second.site) / "local.py").read_text() == "version = 2\n"


async def test_a_build_sees_no_secret(checkouts: Make, asking: Repository, tmp_path: Path) -> None:
    asking.write("lib/pyproject.toml", '[build-system]\nrequires = []\nbuild-backend = "b"\nbackend-path = ["."]\n')
    asking.write("lib/b.py", f"import os\nopen({str(tmp_path / 'seen')!r}, 'w').write(repr(dict(os.environ)))\n")
    await failure(checkouts, asking, "./lib\n")
    assert "PATH" in (tmp_path / "seen").read_text()
    assert "a secret" not in (tmp_path / "seen").read_text()


async def test_an_installation_that_hangs_is_left(asking: Repository, checkouts: Make, tmp_path: Path) -> None:
    asking.write("lib/pyproject.toml", '[build-system]\nrequires = []\nbuild-backend = "b"\nbackend-path = ["."]\n')
    asking.write("lib/b.py", "import time\ntime.sleep(600)\n")
    asking.write("requirements.txt", "./lib\n")
    with pytest.raises(CheckoutError, match="were not installed within 2 s"):
        await checkouts(install_seconds=2.0).prepare(Test(str(asking.folder)))


def test_extras_of_our_own_packages_are_resolved(tmp_path: Path) -> None:
    (tmp_path / "r.txt").write_text("aiohttp[speedups]==3.0\n")
    wanted = reconcile(tmp_path / "r.txt", tmp_path, {"aiohttp": "3.14.5"})
    assert wanted.lines == ("aiohttp[speedups]",)
    assert len(wanted.notes) == 1


async def test_only_options_are_nothing_to_install(tmp_path: Path) -> None:
    (tmp_path / "r.txt").write_text("--pre\n")
    wanted = reconcile(tmp_path / "r.txt", tmp_path, {})
    sites = Sites(tmp_path / "sites", own={}, environ={"PATH": os.defpath}, seconds=60.0)
    assert await sites.install(wanted, folder=tmp_path, content="") is None
