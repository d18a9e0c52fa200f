"""What people and the scheduler may ask for; every answer is an unambiguous sentence or a run."""

from collections.abc import Sequence
from datetime import datetime
from urllib.parse import unquote

from msgspec.structs import replace

from dogdriver.errors import Conflict, Invalid, NotFound
from dogdriver.model import Deployment, Project, Run, Status, Test, Trigger
from dogdriver.model.archive import quoted, writer_of
from dogdriver.model.fields import DELIVERED, MEASURED, SENT, marked
from dogdriver.model.pause import Pause
from dogdriver.pipeline.context import Context
from dogdriver.pipeline.looks import Looks
from dogdriver.pipeline.pauses import Pauses


class Commands:
    """Queue, accept, cancel, exclude, include, pause, resume."""

    def __init__(self, context: Context, looks: Looks) -> None:
        self._context = context
        self._looks = looks
        self._pauses = Pauses(context.store.state)

    async def trigger(
        self,
        project: str,
        *,
        deployment: str | None = None,
        test: str | None = None,
        release: str | None = None,
        trigger: Trigger = Trigger.REQUEST,
        idempotency_key: str | None = None,
    ) -> Run:
        found = self._project(project)
        if found.partial and (found.test is None or found.deployment(deployment) is None):
            raise Conflict(f"{found.name} cannot run yet: {self._context.catalog.current.stale}")
        where, what = _deployment(found, deployment), _test(found, test)
        await self._pauses.refuse(found.name, self._context.clock())
        run = Run(
            id=self._context.ids(),
            project=found.name,
            deployment=where.name,
            test=what.name,
            source=self._context.source,
            status=Status.QUEUED,
            trigger=trigger,
            created=self._context.clock(),
            endpoint=where.endpoint,
            release=release,
        )
        kept, new = await self._context.store.transitions.add(run, idempotency_key=idempotency_key)
        if not new and release is not None and kept.status is Status.QUEUED and kept.release != release:
            other = f"of release {kept.release}" if kept.release else "of what is deployed then"
            raise Conflict(f"run {kept.id} {other} is queued already; wait for it, or cancel it and ask again")
        return kept

    async def pause(self, project: str | None, *, until: datetime | None, reason: str, by: str) -> Pause:
        now = self._context.clock()
        if project is not None:
            self._project(project)
        if until is not None and until <= now:
            raise Invalid("until has passed already; give a later time, or leave it out")
        pause = Pause(project, until, reason, by, now)
        await self._pauses.begin(pause)
        return pause

    async def resume(self, project: str | None) -> Pause:
        if project is not None:
            self._project(project)
        return await self._pauses.end(project, self._context.clock())

    async def pauses(self) -> Sequence[Pause]:
        return await self._pauses.all(self._context.clock())

    async def accept(self, run: Run) -> tuple[Run, bool]:
        if run.source == self._context.source:
            raise Invalid(
                f"source {run.source} is this daemon's own; a run made elsewhere must name the source it was made from"
            )
        self._context.require_catalog(run)
        accepted = self._context.as_received(replace(run, trigger=Trigger.ELSEWHERE))
        if await self._context.store.deletions.deleted(run.id):
            raise Conflict(f"run {run.id} was deleted here; send it under a new id")
        kept, new = await self._context.store.transitions.add(accepted)
        if not new and not same_run(kept, accepted):
            raise Conflict(
                f"run {run.id} is here already and differs; exclude that run, and send this one under a new id"
            )
        if new and kept.status is Status.DONE:
            await self._looks.look_again(kept, self._context.project(kept), self._context.clock())
        return kept, new

    async def cancel(self, run_id: str) -> Run:
        run = await self._run(run_id)
        if run.status is Status.RUNNING and self._context.live.cancel(run_id, "cancelled"):
            return run
        if run.status in {Status.QUEUED, Status.PENDING}:
            ended = replace(run, status=Status.ABORTED, reason="cancelled", due=None)
            if await self._context.store.transitions.save(ended, expect=run.status):
                return ended
            run = await self._run(run_id)  # it went on in the meantime
            if run.status is Status.RUNNING and self._context.live.cancel(run_id, "cancelled"):
                return run
        raise Conflict(f"run {run_id} is {run.status} and cannot be cancelled any more")

    async def exclude(self, run_id: str, reason: str) -> Run:
        if not reason.strip():
            raise Invalid("an exclusion needs a reason; say in a few words why this run should not count")
        return await self._flag(run_id, reason.strip())

    async def include(self, run_id: str) -> Run:
        return await self._flag(run_id, None)

    async def delete(self, run_id: str) -> None:
        run = await self._run(run_id)
        self._refuse_deletion(run_id, await self._context.store.deletions.archive_key(run_id))
        self._context.require_catalog(run)  # or only some of its metrics would be judged anew
        if not run.status.final or not await self._context.store.deletions.delete(run_id, self._context.clock()):
            raise Conflict(f"run {run_id} is {run.status}; cancel it, and delete it when it has ended")
        await self._looks.look_again(run, self._context.project(run), self._context.clock())

    async def delete_project(self, project: str) -> int:
        runs = await self._context.store.deletions.of_project(project)
        if not runs:
            raise NotFound(f"there is no run of a project {project}; GET /api/v1/projects lists those there are")
        for run_id, ended, key in runs:
            if not ended:
                raise Conflict(f"run {run_id} of {project} has not ended; cancel it, and delete the project then")
            self._refuse_deletion(run_id, key)
        return await self._context.store.deletions.delete_project(project, self._context.clock())

    def _refuse_deletion(self, run_id: str, key: str | None) -> None:
        """Where it would come back from the bucket, or to whoever it belongs to."""
        writer = None if key is None else writer_of(key)
        if key is not None and writer is None:
            raise Conflict(f"run {run_id} is the first dogDriver's, from {key} in the bucket; exclude it instead")
        if writer is not None and writer != quoted(self._context.source):
            raise Conflict(f"run {run_id} was archived by the daemon of {unquote(writer)}; delete it there")

    async def _flag(self, run_id: str, reason: str | None) -> Run:
        run = await self._run(run_id)
        if not run.status.final:
            raise Conflict(f"run {run_id} is {run.status}; only a run that has ended can be excluded or included")
        if run.excluded == reason:
            return run
        self._context.require_catalog(run)  # or only some of its metrics would be judged anew
        if not await self._context.store.transitions.set_excluded(run_id, reason):
            raise Conflict(f"run {run_id} changed in the meantime; look at it again")
        await self._looks.look_again(run, self._context.project(run), self._context.clock())
        return replace(run, excluded=reason)

    async def _run(self, run_id: str) -> Run:
        run = await self._context.store.runs.get(run_id)
        if run is None:
            raise NotFound(f"there is no run {run_id}; GET /api/v1/runs lists the newest")
        return run

    def _project(self, name: str) -> Project:
        catalog = self._context.catalog.current
        if name not in catalog.projects:
            known = ", ".join(sorted(catalog.projects)) or "none yet"
            late = f". {catalog.stale}" if catalog.stale else ""
            raise NotFound(f"there is no project {name}; the projects are: {known}{late}")
        return catalog.projects[name]


def _deployment(project: Project, name: str | None) -> Deployment:
    if found := project.deployment(name):
        return found
    known = ", ".join(d.name for d in project.deployments)
    if not known:
        raise Conflict(f"{project.name} has no deployment; give it one in ServiceBook or in the projects file")
    if name is None:
        raise Invalid(f"{project.name} has several deployments and none called stage; name one of: {known}")
    raise Invalid(f"{project.name} has no deployment {name}; it has: {known}")


def _test(project: Project, name: str | None) -> Test:
    if project.test is None:
        why = f" ({'; '.join(project.problems)})" if project.problems else ""
        raise Conflict(
            f"{project.name} has no test that can be run{why}; give it one in ServiceBook or the projects file"
        )
    if name is not None and name != project.test.name:
        raise Invalid(f"{project.name} has no test {name}; it has: {project.test.name}")
    if not project.allowed:
        raise Conflict(
            f"the test of {project.name}, {project.test.url}, is not among the allowed ones; "
            "add a pattern that matches it to allowed_tests in the projects file"
        )
    return project.test


def same_run(kept: Run, sent: Run) -> bool:
    """Whether both senders mean the same run."""
    said = {*marked(Run, DELIVERED), *marked(Run, MEASURED), *marked(Run, SENT)}
    if kept.release is not None and kept.release.startswith(f"{sent.release}+") and sent.commit == kept.commit:
        said.remove("release")  # its own label was another commit's here
    return all(getattr(kept, name) == getattr(sent, name) for name in said) and not _corrected(kept, sent)


def _corrected(kept: Run, sent: Run) -> bool:
    """Whether a value that was sent is another now; what this daemon has read since is none of the sender's."""
    return any(
        value.value is not None and name in kept.metrics and value.value not in _values(kept, name)
        for name, value in sent.metrics.items()
    )


def _values(run: Run, name: str) -> tuple[float | None, ...]:
    return run.metrics[name].value, run.metrics[name].earlier
