"""`dogdriver notify --test`: each receiver of a project gets a test, and its answer is shown."""

import uuid
from collections.abc import Mapping

from dogdriver import app
from dogdriver.catalog import ProjectCatalog
from dogdriver.errors import NotFound, SettingsError
from dogdriver.given_secrets import GivenSecrets
from dogdriver.logs import Masker
from dogdriver.model import Clock, Failures
from dogdriver.network import http_client
from dogdriver.notify.notifier import Tried
from dogdriver.pipeline.notices import trial
from dogdriver.settings import Settings


async def try_receivers(
    name: str, settings: Settings, given: GivenSecrets, clock: Clock, mask: Masker, environ: Mapping[str, str]
) -> list[Tried]:
    """Raises NotFound for a project that is not known, SettingsError for one without receivers."""
    async with http_client(environ) as session:
        projects = ProjectCatalog.from_settings(settings, session, clock)
        project = (await projects.refresh()).projects.get(name)
        if project is None:
            known = ", ".join(projects.current.projects) or "none"
            raise NotFound(f"there is no project {name}; there are: {known}")
        if not project.notify:
            raise SettingsError(f"nobody is told of {name}; add [[project.notify]] to the projects file")
        notifier = app.notifier(settings, session, projects, clock, given, mask, Failures(clock))
        link = f"{settings.public_url}/p/{name}" if settings.public_url else None
        return await notifier.test(project, trial(name, uuid.uuid4().hex, clock(), link))
