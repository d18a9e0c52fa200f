"""Test repositories on disk, made from real git repositories and real folders."""

from pathlib import Path

from dogdriver.model import Test

from .conftest import LOADTEST, MOLOTOV, Make, Repository, names


async def test_a_repository_becomes_a_directory(checkouts: Make, repository: Repository) -> None:
    prepared = await checkouts().prepare(Test(repository.url))
    directory = Path(prepared.directory)
    assert directory.is_absolute()
    assert names(directory) == ["loadtest.py", "molotov.json"]
    assert prepared.commit == repository.first
    assert prepared.content == repository.git("rev-parse", "HEAD^{tree}")
    assert prepared.entry == {"workers": 1, "duration": 1, "scenario": "loadtest.py", "env": {}}
    assert (prepared.name, prepared.site, prepared.notes) == ("dogdriver", None, ())


async def test_branch_tag_commit_and_head(checkouts: Make, repository: Repository) -> None:
    made = checkouts()
    repository.git("tag", "-a", "v1", "-m", "one")
    repository.git("checkout", "--quiet", "-b", "other")
    repository.write("loadtest.py", LOADTEST + "# other\n")
    other = repository.commit("other")
    wanted = {"main": repository.first, "v1": repository.first, repository.first: repository.first, "other": other}
    for ref, commit in {**wanted, "HEAD": other, "refs/heads/main": repository.first}.items():
        assert (await made.prepare(Test(repository.url, ref=ref))).commit == commit, ref


async def test_every_run_has_the_newest_state_and_a_directory_of_its_own(
    checkouts: Make, repository: Repository
) -> None:
    made = checkouts()
    first = await made.prepare(Test(repository.url, ref="main"))
    (Path(first.directory) / "left-over").write_text("by the first run")
    again = await made.prepare(Test(repository.url, ref="main"))
    assert again.directory != first.directory
    assert again.content == first.content
    assert not (Path(again.directory) / "left-over").exists()
    repository.write("loadtest.py", "# newer\n")
    commit = repository.commit("second")
    newer = await made.prepare(Test(repository.url, ref="main"))
    assert newer.commit == commit
    assert newer.content != first.content
    assert (Path(newer.directory) / "loadtest.py").read_text() == "# newer\n"
    assert (Path(first.directory) / "loadtest.py").read_text() == LOADTEST


async def test_a_forced_push_is_followed(checkouts: Make, repository: Repository) -> None:
    made = checkouts()
    await made.prepare(Test(repository.url))
    repository.git("checkout", "--quiet", "--orphan", "fresh")
    repository.write("loadtest.py", "# rewritten\n")
    commit = repository.commit("rewritten")
    repository.git("branch", "-M", "fresh", "main")
    assert (await made.prepare(Test(repository.url, ref="main"))).commit == commit


async def test_a_folder_at_a_ref_and_a_bare_repository_are_fetched(
    checkouts: Make, repository: Repository, tmp_path: Path
) -> None:
    repository.write("loadtest.py", "# not committed")
    made = checkouts()
    assert (await made.prepare(Test(str(repository.folder), ref="main"))).commit == repository.first
    repository.git("clone", "--quiet", "--bare", ".", str(tmp_path / "bare.git"))
    assert (await made.prepare(Test(str(tmp_path / "bare.git")))).commit == repository.first


async def test_a_subfolder_is_comparable_by_itself(checkouts: Make, repository: Repository) -> None:
    repository.write("load/molotov.json", MOLOTOV)
    repository.write("load/loadtest.py", LOADTEST)
    repository.commit("load")
    made = checkouts()
    before = await made.prepare(Test(repository.url, path="load"))
    assert Path(before.directory).name == "load"
    repository.write("service.py", "# another release")
    repository.commit("unrelated")
    after = await made.prepare(Test(repository.url, path="load"))
    assert after.commit != before.commit
    assert after.content == before.content
    folder = await made.prepare(Test(str(repository.folder), path="load"))
    assert folder.content == before.content


async def test_a_subfolder_that_reaches_outside_counts_whole(checkouts: Make, repository: Repository) -> None:
    repository.write("load/molotov.json", {"molotov": {"tests": {"dogdriver": {"scenario": "../loadtest.py"}}}})
    repository.commit("load")
    prepared = await checkouts().prepare(Test(repository.url, path="load"))
    assert prepared.content == repository.git("rev-parse", "HEAD^{tree}")


async def test_submodules_are_mentioned(checkouts: Make, repository: Repository) -> None:
    repository.write(".gitmodules", '[submodule "s"]\n\tpath = s\n\turl = https://github.com/o/s\n')
    repository.commit("submodule")
    prepared = await checkouts().prepare(Test(repository.url))
    assert prepared.notes == ("the test's repository has submodules; they are not fetched",)


async def test_the_disk_is_bounded(checkouts: Make, repository: Repository, tmp_path: Path) -> None:
    made = checkouts()
    for number in range(24):
        repository.git("branch", f"b{number}")
        newest = await made.prepare(Test(repository.url, ref=f"b{number}"))
    assert len(list((tmp_path / "data" / "repositories").iterdir())) == 20
    assert len(list((tmp_path / "data" / "trees").iterdir())) == 4
    assert names(Path(newest.directory)) == ["loadtest.py", "molotov.json"]
