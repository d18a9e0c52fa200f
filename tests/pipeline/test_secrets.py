"""What a test is given as a secret reaches the test, and nothing else."""

from dataclasses import replace
from pathlib import Path

import pytest

from dogdriver.model import Catalog, Measured, Status, Stopped, Test
from tests.world import World, shop

PASSWORD = "correct horse battery"


def give(world: World, *env_from: str, **env: str) -> None:
    """The shop's test is given these."""
    test = Test("https://example.org/test", env=env, env_from=env_from)
    world.catalog.current = Catalog({"shop": replace(shop(), test=test)})


async def test_a_variable_of_the_daemon_is_passed_on_and_taken_out_of_its_environment(
    world: World, tmp_path: Path
) -> None:
    (tmp_path / "file").write_text(f"{PASSWORD}\n")
    world.environ |= {"A": "first-secret", "B_FILE": str(tmp_path / "file")}
    give(world, "A", "B")
    await world.launched()
    [job] = world.runner.jobs
    assert (job.env["A"], job.env["B"]) == ("first-secret", PASSWORD)
    assert set(world.withheld) == {"A", "B"}


@pytest.mark.parametrize("environ", [{}, {"A": "one", "A_FILE": "two"}, {"A": ""}])
async def test_a_variable_that_the_daemon_has_not_got_fails_the_run_with_a_sentence(
    world: World, environ: dict[str, str]
) -> None:
    world.environ |= environ
    give(world, "A")
    run = await world.launched()
    assert run.status is Status.FAILED
    assert run.reason is not None
    assert "A_FILE" in run.reason
    assert not world.runner.jobs


async def test_no_reason_says_what_a_test_was_given(world: World) -> None:
    world.environ["A"] = PASSWORD

    def failed(measured: Measured) -> Measured:
        return replace(measured, stopped=Stopped.EXIT, reason=f"it said {PASSWORD} and t0ken-of-the-shop at stage")

    give(world, "A", SHOP_TOKEN="t0ken-of-the-shop", KEY_OF="{deployment}")
    world.runner.change = failed
    run = await world.launched()
    assert (run.status, run.reason) == (Status.ABORTED, "it said *** and *** at stage")
