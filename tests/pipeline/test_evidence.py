"""Evidence on demand: which runs a new release gets, when, and when no more."""

from datetime import timedelta

import msgspec

from dogdriver.model import Catalog, Filter, Release, Run, Status, Stay, Trigger
from dogdriver.model.evidence import EvidenceBudget, EvidencePlan, EvidenceState
from dogdriver.model.quiet import QuietHours
from dogdriver.pipeline.evidence import plan
from tests.world import START, World, shop

NEW = Stay(Release("1.1.0", "1.1.0"), 1, START, START)
MINUTE = timedelta(minutes=1)
FILTER = Filter(project="shop")


async def plan_of(world: World) -> EvidencePlan:
    return await world.pipeline.plans.of(world.catalog.current.projects["shop"])


def ran(number: int, at: float, *, status: Status = Status.DONE, release: str | None = "1.1.0", **more: object) -> Run:
    """A run that began *at* minutes after the release came, and took five."""
    begun = START + at * MINUTE
    run = Run(
        id=f"{number:032x}", project="shop", deployment="stage", test="dogdriver", source="here", status=status,
        trigger=Trigger.EVIDENCE, created=begun, release=release, started=begun, ended=begun + 5 * MINUTE,
    )  # fmt: skip
    return msgspec.structs.replace(run, **more)


def test_the_first_run_is_due_when_the_release_comes_and_the_next_after_a_rest() -> None:
    budget = EvidenceBudget()
    assert plan(budget, NEW, [], decided=False).next == START
    made = plan(budget, NEW, [ran(1, 0)], decided=False)
    assert (made.state, made.runs, made.most, made.next) == (EvidenceState.COLLECTING, 1, 24, START + 10 * MINUTE)
    assert plan(budget, NEW, [ran(1, 0)], decided=False, now=START + 60 * MINUTE).next == START + 60 * MINUTE


def test_whoever_has_made_the_last_run_the_service_rests_after_it() -> None:
    scheduled = ran(1, 20, trigger=Trigger.SCHEDULE)
    made = plan(EvidenceBudget(), NEW, [scheduled], decided=False)
    assert (made.runs, made.next) == (0, START + 30 * MINUTE)


def test_while_a_run_is_under_way_no_other_is_planned() -> None:
    for status in (Status.QUEUED, Status.RUNNING):
        made = plan(EvidenceBudget(), NEW, [ran(1, 0, status=status)], decided=False)
        assert (made.state, made.next) == (EvidenceState.COLLECTING, None)
    assert plan(EvidenceBudget(), NEW, [ran(1, 0, status=Status.PENDING)], decided=False).next


def test_it_ends_with_the_answer_or_with_the_budget() -> None:
    runs = [ran(2, 20), ran(1, 0)]
    assert plan(EvidenceBudget(), NEW, runs, decided=True).state is EvidenceState.DECIDED
    spent = plan(EvidenceBudget(most=2), NEW, runs, decided=False)
    assert (spent.state, spent.next) == (EvidenceState.SPENT, None)


def test_runs_that_failed_count_against_the_budget_and_those_of_other_releases_do_not() -> None:
    runs = [ran(3, 20, release=None, status=Status.FAILED), ran(2, 10), ran(1, -20, release="1.0.0"),
            ran(4, -30, release=None, status=Status.FAILED)]  # fmt: skip
    assert plan(EvidenceBudget(), NEW, runs, decided=False).runs == 2
    assert plan(EvidenceBudget(), again(2), runs, decided=False).runs == 1, "a second stay begins anew"


def again(number: int) -> Stay:
    return Stay(NEW.release, number, START, START)


def test_a_day_has_so_many_runs_whatever_they_are_for() -> None:
    runs = [ran(3, 40), ran(2, 20), ran(1, -60, release="1.0.0")]
    made = plan(EvidenceBudget(runs_per_day=3), NEW, runs, decided=False)
    assert made.next == START - 60 * MINUTE + timedelta(days=1)


def test_quiet_hours_are_kept() -> None:
    quiet = (QuietHours.read("12:00-14:00"), QuietHours.read("14:00-15:30"))
    assert plan(EvidenceBudget(quiet=quiet), NEW, [], decided=False).next == START + 210 * MINUTE


async def shipped(world: World, **budget: object) -> None:
    """A history of 1.0.0, then 1.1.0, which the watch has seen."""
    for _ in range(8):
        run = await world.launched()
        await world.collect_until(run, 3600)
    world.catalog.current = Catalog({"shop": shop(evidence=EvidenceBudget(**budget))})  # type: ignore[arg-type]
    world.target.versions = [("1.1.0", "b" * 40)]
    for _ in range(3):
        world.clock.forward(60)
        await world.pipeline.watch_releases()


async def test_a_new_release_gets_its_runs_until_its_headline_stands(world: World) -> None:
    await shipped(world)
    made = 0
    for _ in range(30):
        while await world.pipeline.gather_next():
            assert await world.pipeline.launch_next()
            made += 1
        if (due := await world.pipeline.next_gathering()) is None:
            break
        newest = (await world.store.runs.list(FILTER, limit=1)).runs[0]
        await world.collect_until(newest, (due - world.clock()).total_seconds())
    assert made == (await plan_of(world)).runs
    assert (await plan_of(world)).state in {EvidenceState.DECIDED, EvidenceState.SPENT}
    assert made <= 24
    await world.close()
    await world.open()
    assert (await plan_of(world)).runs == made, "a restart forgets nothing"
    assert not await world.pipeline.gather_next()


async def test_nothing_is_run_for_who_has_not_asked_nor_for_the_first_release(world: World) -> None:
    await world.launched()
    assert not await world.pipeline.gather_next()
    world.catalog.current = Catalog({"shop": shop(evidence=EvidenceBudget())})
    assert not await world.pipeline.gather_next(), "there is nothing to compare 1.0.0 with"
    assert (await plan_of(world)).state is EvidenceState.OFF


async def test_a_new_release_of_a_project_without_evidence_waits_for_its_schedule(world: World) -> None:
    await shipped(world)
    world.catalog.current = Catalog({"shop": shop()})
    assert not await world.pipeline.gather_next()
    assert (await plan_of(world)).state is EvidenceState.OFF
