"""What each word of the command line does. A command gets its arguments and the environment; it gives the exit code."""

import argparse
import asyncio
import contextlib
import logging
import sys
from collections.abc import AsyncIterator, Callable, Mapping, MutableMapping
from dataclasses import replace

from aiohttp import web

from dogdriver import app, identity, logs, server
from dogdriver.cli.arguments import ExitCode, read_request
from dogdriver.cli.check import Check, Mark
from dogdriver.cli.receivers import try_receivers
from dogdriver.cli.report import make_report
from dogdriver.cli.run import Client
from dogdriver.cli.trial import Trial, outcome
from dogdriver.cli.wait import Question, ask
from dogdriver.demo.world import demo_world
from dogdriver.errors import DogdriverError, SettingsError
from dogdriver.given_secrets import GivenSecrets
from dogdriver.settings import Settings, load
from dogdriver.storage import backup as copy_database
from dogdriver.storage.export import export_csv, export_lines, import_lines, new_file
from dogdriver.tokens import Keyring

DEMO = "demo"
"""The folder of the data directory in which the demo keeps its own."""

Environ = MutableMapping[str, str]
Command = Callable[[argparse.Namespace, Environ], int]


def serve(_: argparse.Namespace, environ: Environ) -> int:
    return app.serve(_settings(environ), dict(environ))


def demo(_: argparse.Namespace, environ: Environ) -> int:
    own = _settings(environ)  # for where to listen and to keep; the rest is the demo's

    async def world(daemon: web.Application) -> AsyncIterator[None]:
        async with demo_world(own.data / DEMO, app.clock) as more:
            daemon[app.START] = replace(daemon[app.START], settings=load({**_kept_in_demo(own), **more}))
            yield

    def build(address: str) -> web.Application:
        return app.create_app(own, dict(environ), address=address, demo=True, first=(world,))

    return server.listen(own.host, own.port, build)


def check(arguments: argparse.Namespace, environ: Environ) -> int:
    settings = _settings(environ)
    mask = logs.Masker.of(settings, environ, settings.token)
    checks = Check(settings, dict(environ), app.clock, tuple(arguments.project))

    async def all_fine() -> bool:
        fine = True
        async for finding in checks.findings():
            _answer(mask(str(finding)))
            fine = fine and finding.mark is not Mark.FAIL
        return fine

    return 0 if asyncio.run(all_fine()) else 1


def run(arguments: argparse.Namespace, environ: Environ) -> int:
    more = {"DOGDRIVER_SOURCE": arguments.source} if arguments.source else {}
    settings = _settings(environ, more)
    mask = logs.Masker.of(settings, environ, settings.token)
    logs.configure(settings.log, mask, out=sys.stderr, level=logging.WARNING)
    report = make_report(sys.stdout, mask, as_json=arguments.json)
    try:
        request = read_request(arguments, settings)
        identity.prepare_directory(settings.data)
        return asyncio.run(Client(request, settings, dict(environ), app.clock, report, mask).run())
    except DogdriverError as error:
        report.say("impossible", f"dogdriver: {error.message}", code=error.code)
        return ExitCode.IMPOSSIBLE
    finally:
        report.close()


def try_(arguments: argparse.Namespace, environ: Environ) -> int:
    mask = logs.Masker()
    logs.configure("text", mask, out=sys.stderr, level=logging.ERROR)
    trial = Trial.of(arguments.url)
    report = make_report(sys.stdout, mask, as_json=False)
    try:
        made = asyncio.run(trial.run(dict(environ), app.clock, report, mask))
    finally:
        report.close()
    _answer(outcome(trial, made))
    return 0


def wait(arguments: argparse.Namespace, environ: Environ) -> int:
    settings = _settings(environ)
    mask = logs.Masker.of(settings, environ, settings.token)
    question = Question.of(arguments)
    answer = asyncio.run(ask(question, settings.token, environ))
    if arguments.json:
        _answer(mask(answer.json))
    for line in () if arguments.json else answer.lines:
        _answer(mask(line))
    return question.undecided if answer.code is ExitCode.UNDECIDED else answer.code


def token(arguments: argparse.Namespace, environ: Environ) -> int:
    settings = _settings(environ)
    if arguments.demo or (identity.has_token(settings.data / DEMO) and not identity.has_token(settings.data)):
        settings = replace(settings, data=settings.data / DEMO)
    identity.prepare_directory(settings.data)
    keyring = Keyring(settings.data, app.clock)
    match arguments.action:
        case "create":
            _answer(keyring.create(arguments.name, read_only=arguments.read_only).reveal())
        case "revoke":
            keyring.revoke(arguments.name)
            _answer(f"{arguments.name} is revoked")
        case "list":
            for one in keyring.all():
                until = f", revoked {one.revoked:%Y-%m-%d %H:%M}" if one.revoked else ""
                _answer(f"{one.name}{', read-only' if one.read_only else ''}, made {one.created:%Y-%m-%d %H:%M}{until}")
        case _:
            secret, _file = identity.token(settings)
            _answer(secret.reveal())
    return 0


def notify(arguments: argparse.Namespace, environ: Environ) -> int:
    settings = _settings(environ)
    mask = logs.Masker.of(settings, environ, settings.token)
    given = GivenSecrets(dict(environ), lambda name: environ.pop(name, None))
    tried = asyncio.run(try_receivers(arguments.test, settings, given, app.clock, mask, dict(environ)))
    for one in tried:
        _answer(mask(f"{'ok' if one.taken else 'FAIL':<4}  {one.route}: {one.answer}"))
    return 0 if all(one.taken for one in tried) else 1


def backup(arguments: argparse.Namespace, environ: Environ) -> int:
    copy_database(_settings(environ).data, arguments.file)
    _answer(f"written to {arguments.file}")
    return 0


def export(arguments: argparse.Namespace, environ: Environ) -> int:
    data = _settings(environ).data
    write = export_csv if arguments.csv else export_lines
    if arguments.file is None:
        write(data, sys.stdout, project=arguments.project)
        return 0
    with new_file(arguments.file) as out:
        write(data, out, project=arguments.project)
    _answer(f"written to {arguments.file}")
    return 0


def import_(arguments: argparse.Namespace, environ: Environ) -> int:
    settings = _settings(environ)
    identity.prepare_directory(settings.data)
    try:
        with arguments.file.open("rb") if arguments.file else contextlib.nullcontext(sys.stdin.buffer) as source:
            imported = asyncio.run(import_lines(settings.data, source, now=app.clock()))
    except OSError as error:
        raise SettingsError(f"{arguments.file} cannot be read ({error.strerror}); name an export") from None
    _answer(f"new: {imported.new}; here already, and left as they are: {imported.there}")
    return 0


COMMANDS: Mapping[str, Command] = {
    "serve": serve,
    "demo": demo,
    "check": check,
    "run": run,
    "try": try_,
    "wait": wait,
    "token": token,
    "notify": notify,
    "backup": backup,
    "export": export,
    "import": import_,
}


def _settings(environ: Environ, more: Mapping[str, str] | None = None) -> Settings:
    """The settings of *environ* and *more*; the secrets are removed from *environ*, the process' own."""
    settings = load({**environ, **(more or {})})
    for name in settings.sensitive:
        environ.pop(name, None)
    return settings


def _kept_in_demo(settings: Settings) -> dict[str, str]:
    """What of its user's settings the demo keeps, as variables."""
    kept = {"DOGDRIVER_HOST": settings.host, "DOGDRIVER_PORT": str(settings.port), "DOGDRIVER_LOG": settings.log}
    return kept | ({"DOGDRIVER_TOKEN": settings.token.reveal()} if settings.token else {})


def _answer(text: str) -> None:
    print(text)  # noqa: T201 - a command's answer
