"""An entry that has once harmed the daemon's process runs in a process from then on, until it has a new commit."""

from dataclasses import replace

from dogdriver.model import Isolation, Measured, Status
from tests.world import World


async def test_a_harmful_entry_runs_in_a_process_also_after_a_restart_and_until_a_new_commit(world: World) -> None:
    def harm(measured: Measured) -> Measured:
        world.runner.jobs[-1].harmed("replaced json.dumps")
        return measured

    world.runner.change = harm
    first = await world.launched()
    isolations = [job.isolation for job in world.runner.jobs]
    kept = await world.store.runs.get(first.id)
    assert kept is not None
    assert "the test replaced json.dumps; from now on it runs in a process, until it has a new commit" in kept.notes
    await world.close()
    await world.open()
    again = await world.launched()
    isolations += [job.isolation for job in world.runner.jobs]
    kept = await world.store.runs.get(again.id)
    assert kept is not None
    assert any(f"replaced json.dumps (run {first.id}), so it runs in a process" in note for note in kept.notes)
    world.checkouts.content = "tree-2"
    await world.launched()
    isolations += [job.isolation for job in world.runner.jobs[-1:]]
    assert isolations == [Isolation.THREAD, Isolation.PROCESS, Isolation.THREAD]


async def test_what_the_supervisor_knows_of_a_load_that_stands_is_among_the_notes_of_its_run(world: World) -> None:
    sentence = "2 workers caught their cancellation and were cut off"
    world.runner.change = lambda measured: replace(measured, reason=sentence)
    run = await world.launched()
    kept = await world.store.runs.get(run.id)
    assert kept is not None
    assert (kept.status, kept.reason) == (Status.PENDING, None)
    assert sentence in kept.notes
