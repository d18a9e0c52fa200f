"""The variables of a test: the projects file's own, with tokens replaced, and what the daemon was given for it."""

from collections.abc import Mapping
from typing import Any

from dogdriver.errors import RunError, SettingsError
from dogdriver.model import UNKNOWN, Deployment, Prepared, Run, Test
from dogdriver.model.built_in import ENDPOINT
from dogdriver.pipeline.context import Context


def secrets(context: Context, test: Test) -> dict[str, str]:
    """What `env_from` names, masked from now on; no test finds in the daemon's environment what is another one's.

    Raises RunError where the daemon was not given it.
    """
    tests = [project.test for project in context.catalog.current.projects.values()]
    context.given.withhold(name for one in tests if one for name in one.env_from)
    try:
        found = {name: context.given.get(name) for name in test.env_from}
    except SettingsError as error:
        raise RunError(error.message) from None
    for secret in found.values():
        context.mask.add(secret)
    return {name: secret.reveal() for name, secret in found.items()}


def environment(
    context: Context, test: Test, prepared: Prepared, run: Run, deployment: Deployment, given: Mapping[str, str]
) -> dict[str, str]:
    """All that the test gets beside the entry's own `env`; what says by its name that it is a secret is masked."""
    tokens = {
        "{project}": run.project,
        "{deployment}": deployment.name,
        "{source}": context.source,
        "{release}": run.release or UNKNOWN,
        "{endpoint}": deployment.endpoint,
    }
    rendered = {}
    for name, text in test.env.items():
        value = text
        for token, replacement in tokens.items():
            value = value.replace(token, replacement)
        rendered[name] = value
    context.mask.add_telling({**_texts(prepared.entry.get("env")), **rendered}, but=tokens.values())
    if test.built_in:
        for header, value in (pair for one in test.built_in.requests for pair in one.headers.items()):
            telling = f"{header} (secret)" if header.lower() == "cookie" else header
            context.mask.add_telling({telling: value})
            context.mask.add_telling({telling: value.split()[-1] if value.split() else ""})  # without "Bearer"
        rendered[ENDPOINT] = deployment.endpoint
    return {**rendered, **given}


def _texts(env: Any) -> dict[str, str]:
    return {name: value for name, value in env.items() if isinstance(value, str)} if isinstance(env, Mapping) else {}
