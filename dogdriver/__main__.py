"""The command line: `dogdriver` serves; every other word is one job that ends."""

import argparse
import asyncio
import contextlib
import os
import sys
from collections.abc import Mapping
from pathlib import Path
from typing import NoReturn

from aiohttp import web

from dogdriver import app, identity
from dogdriver import cli as client
from dogdriver.cli.check import Check, Mark
from dogdriver.demo.world import demo_world
from dogdriver.errors import DogdriverError, SettingsError
from dogdriver.settings import Settings, load
from dogdriver.storage import backup
from dogdriver.storage.export import export_csv, export_lines, import_lines, new_file


def main() -> None:
    """Exit codes: 0 fine, 2 the settings or the arguments are wrong, 1 anything else; `run` has its own."""
    arguments = _parser().parse_args()
    try:
        sys.exit(arguments.run(arguments))
    except DogdriverError as error:
        print(f"dogdriver: {error.message}", file=sys.stderr)  # noqa: T201 - a command's answer
        sys.exit(arguments.wrong)
    except BrokenPipeError:  # `dogdriver export | head`
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        sys.exit(1)
    except KeyboardInterrupt:
        sys.exit(130)


class _Parser(argparse.ArgumentParser):
    """Leaves with the exit code that its command has for wrong arguments."""

    def error(self, message: str) -> NoReturn:
        self.print_usage(sys.stderr)
        self.exit(int(self.get_default("wrong") or 2), f"{self.prog}: {message}\n")


def _parser() -> argparse.ArgumentParser:
    parser = _Parser(prog="dogdriver", description="Is service X getting slower or faster with this new release?")
    parser.set_defaults(run=_serve, wrong=2)
    words = parser.add_subparsers(title="commands", metavar="")
    words.add_parser("serve", help="run the daemon (default)").set_defaults(run=_serve)
    demo = words.add_parser("demo", help="the daemon with a service, a Datadog and a test of its own; needs no account")
    demo.set_defaults(run=_demo)
    check = words.add_parser("check", help="ask everything that a run would need, without running anything")
    check.add_argument("project", nargs="*", help="only these (default: all that may run)")
    check.set_defaults(run=_check)
    run = words.add_parser(
        "run", help="run a test once, here, and deliver it to a daemon or a bucket; exit codes for CI",
        description="Exit codes: 0 fine (with --wait: no regression), 1 regressed, 2 undecided, 3 the run failed, "
        "4 nothing could be run, 5 the run could not be delivered and is kept for the next call.",
    )  # fmt: skip
    client.arguments(run)
    run.set_defaults(run=_run, wrong=client.Exit.IMPOSSIBLE)
    words.add_parser("token", help="show the token that writes need").set_defaults(run=_token)
    backup = words.add_parser("backup", help="write a consistent copy of the database while the daemon runs")
    backup.add_argument("file", type=Path, help="where to; it must not exist")
    backup.set_defaults(run=_backup)
    export = words.add_parser("export", help="write runs, verdicts and releases as JSON lines, or values as CSV")
    export.add_argument("file", type=Path, nargs="?", help="where to; it must not exist (default: standard output)")
    export.add_argument("--csv", action="store_true", help="the values alone, one a line, for a spreadsheet")
    export.add_argument("--project", metavar="NAME", help="of one project alone")
    export.set_defaults(run=_export)
    brought = words.add_parser("import", help="add what an export has written; again is as good as once")
    brought.add_argument("file", type=Path, nargs="?", help="where from (default: standard input)")
    brought.set_defaults(run=_import)
    return parser


def _environ() -> dict[str, str]:
    """The environment, read here and nowhere else."""
    return dict(os.environ)  # noqa: TID251 - the wiring


def _settings(environ: Mapping[str, str]) -> Settings:
    """The settings of *environ*; the secrets are taken out of the process' own environment."""
    settings = load(environ)
    for name in settings.taken:
        os.environ.pop(name, None)  # noqa: TID251 - the wiring
    return settings


def _serve(_: argparse.Namespace) -> int:
    settings = _settings(_environ())
    return app.serve(settings, _environ())


def _demo(_: argparse.Namespace) -> int:
    own = _settings(_environ())  # for where to listen and to keep; the rest is the demo's

    async def build(address: str) -> web.Application:
        world = contextlib.AsyncExitStack()
        try:
            more = await world.enter_async_context(demo_world(own.data / "demo", app.clock))
            settings = load({**_listed(own), **more})
            application = await app.create_app(settings, _environ(), address=address, demo=True)
        except BaseException:
            await world.aclose()
            raise

        async def close(_: web.Application) -> None:
            await world.aclose()

        application.on_cleanup.append(close)
        return application

    return app.listen(own.host, own.port, build)


def _listed(settings: Settings) -> dict[str, str]:
    listed = {"DOGDRIVER_HOST": settings.host, "DOGDRIVER_PORT": str(settings.port), "DOGDRIVER_LOG": settings.log}
    return listed | ({"DOGDRIVER_TOKEN": settings.token.reveal()} if settings.token else {})


def _check(arguments: argparse.Namespace) -> int:
    settings = _settings(_environ())
    check = Check(settings, _environ(), app.clock, tuple(arguments.project))

    async def all_fine() -> bool:
        fine = True
        async for line in check.lines():
            print(line)  # noqa: T201 - a command's answer
            fine = fine and line.mark is not Mark.BAD
        return fine

    return 0 if asyncio.run(all_fine()) else 1


def _run(arguments: argparse.Namespace) -> int:
    given = {"DOGDRIVER_SOURCE": arguments.source} if arguments.source else {}
    settings = _settings({**_environ(), **given})
    return client.run(arguments, settings, _environ(), app.clock)


def _token(_: argparse.Namespace) -> int:
    settings = _settings(_environ())
    identity.prepare(settings.data)
    token, _file = identity.token(settings)
    print(token.reveal())  # noqa: T201 - what was asked for
    return 0


def _backup(arguments: argparse.Namespace) -> int:
    backup(_settings(_environ()).data, arguments.file)
    print(f"written to {arguments.file}")  # noqa: T201 - a command's answer
    return 0


def _export(arguments: argparse.Namespace) -> int:
    data = _settings(_environ()).data
    write = export_csv if arguments.csv else export_lines
    if arguments.file is None:
        write(data, sys.stdout, project=arguments.project)
        return 0
    with new_file(arguments.file) as out:
        write(data, out, project=arguments.project)
    print(f"written to {arguments.file}")  # noqa: T201 - a command's answer
    return 0


def _import(arguments: argparse.Namespace) -> int:
    settings = _settings(_environ())
    identity.prepare(settings.data)
    try:
        with arguments.file.open("rb") if arguments.file else contextlib.nullcontext(sys.stdin.buffer) as source:
            brought = asyncio.run(import_lines(settings.data, source))
    except OSError as error:
        raise SettingsError(f"{arguments.file} cannot be read ({error.strerror}); name an export") from None
    print(f"new: {brought.new}; here already, and left as they are: {brought.there}")  # noqa: T201 - a command's answer
    return 0


if __name__ == "__main__":
    main()
