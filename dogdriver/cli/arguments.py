"""The command line: its words, what a call of `dogdriver run` asks for, and what its exit codes mean."""

import argparse
import sys
from collections.abc import Iterable
from contextlib import suppress
from dataclasses import dataclass
from enum import IntEnum
from pathlib import Path
from typing import Any, NoReturn
from urllib.parse import urlsplit

from dogdriver.errors import SettingsError
from dogdriver.settings import Settings, bucket_name

LONGEST = 7 * 86400  # seconds that a call may wait


class ExitCode(IntEnum):
    """The exit codes of `dogdriver run`; documented in docs/client.md."""

    FINE = 0  # the run was made; with --wait: no regression
    REGRESSED = 1  # with --wait: the release is slower, or partly so
    UNDECIDED = 2  # with --wait: nobody can tell yet
    FAILED = 3  # the run failed, was aborted, or is invalid
    IMPOSSIBLE = 4  # nothing was run: arguments, settings, unknown project, a token that is not taken
    UNDELIVERED = 5  # the run was made, and is kept here: it could not be delivered
    NEVER_COMPARED = 6  # of `dogdriver wait`: the release was not seen, or no run of it compares with earlier ones
    STOPPED = 130  # by a signal

    @classmethod
    def worst(cls, codes: Iterable["ExitCode"]) -> "ExitCode":
        """Of several runs."""
        ranks = (
            cls.STOPPED,
            cls.IMPOSSIBLE,
            cls.FAILED,
            cls.REGRESSED,
            cls.UNDELIVERED,
            cls.NEVER_COMPARED,
            cls.UNDECIDED,
            cls.FINE,
        )
        return min(codes, key=ranks.index, default=cls.FINE)


@dataclass(frozen=True, slots=True)
class Request:
    """What one call of `dogdriver run` is to do.

    *project* None: all that may run. *to*: `s3://BUCKET`, a daemon's address, or None: the data directory.
    *ask*: the daemon that is asked for the verdict. *baseline*: the release that the verdict is against, None: the
    ones that the judge chooses. *timeout*: seconds to wait for it, None: until there is one.
    """

    project: str | None
    deployment: str | None = None
    test: str | None = None
    release: str | None = None
    to: str | None = None
    ask: str | None = None
    wait: bool = False
    baseline: str | None = None
    undecided: int = ExitCode.UNDECIDED
    timeout: float | None = None
    json: bool = False

    @property
    def bucket(self) -> str | None:
        """The bucket's name where the runs go to one."""
        return self.to.removeprefix("s3://") if self.to and self.to.startswith("s3://") else None


class Parser(argparse.ArgumentParser):
    """Leaves with the exit code that its command has for wrong arguments."""

    def error(self, message: str) -> NoReturn:
        self.print_usage(sys.stderr)
        self.exit(int(self.get_default("wrong") or 2), f"{self.prog}: {message}\n")

    def parse_known_args(self, args: Any = None, namespace: Any = None) -> Any:
        """Refuses here what argparse would leave to the parser above, which has another exit code."""
        parsed, unknown = super().parse_known_args(args, namespace)
        if unknown:
            self.error(f"unrecognized arguments: {' '.join(unknown)}")
        return parsed, unknown


def make_parser() -> Parser:
    """What it parses has *command*, a name in `commands.COMMANDS`, and *wrong*, the exit code of an error."""
    parser = Parser(prog="dogdriver", description="Is service X getting slower or faster with this new release?")
    parser.set_defaults(command="serve", wrong=2)
    commands = parser.add_subparsers(title="commands", metavar="")

    def add(name: str, text: str, *, description: str | None = None, wrong: int = 2) -> Parser:
        command: Parser = commands.add_parser(name, help=text, description=description)
        command.set_defaults(command=name, wrong=wrong)
        return command

    add("serve", "run the daemon (default)")
    add("demo", "the daemon with a service, a Datadog and a test of its own; needs no account")
    trial = add("try", "load one address for ten seconds with the built-in test, and say how it did", wrong=1)
    trial.add_argument("url", metavar="URL", help="what to load, such as https://host/path")
    check = add("check", "ask everything that a run would need, without running anything")
    check.add_argument("project", nargs="*", help="only these (default: all that may run)")
    run = add(
        "run", "run a test once, here, and deliver it to a daemon or a bucket; exit codes for CI",
        description="Exit codes: 0 fine (with --wait: no regression), 1 regressed, 2 undecided, 3 the run failed, "
        "4 nothing could be run, 5 the run could not be delivered and is kept for the next call.",
        wrong=ExitCode.IMPOSSIBLE,
    )  # fmt: skip
    add_run_arguments(run)
    wait = add(
        "wait", "wait until a daemon has judged a release; exit codes for pipelines",
        description="Exit codes: 0 faster or no change, 1 slower or mixed, 2 undecided, 4 it cannot be asked, 6 the "
        "release was never compared.",
        wrong=ExitCode.IMPOSSIBLE,
    )  # fmt: skip
    add_wait_arguments(wait)
    token = add("token", "show the token that writes need; make, list and revoke others")
    token.add_argument("--demo", action="store_true", help="of `dogdriver demo` instead")
    tokens = token.add_subparsers(dest="action", title="actions", metavar="")
    create = tokens.add_parser("create", help="make a token for a person or a program, and show it once")
    create.add_argument("--read-only", action="store_true", help="it changes nothing")
    create.add_argument("name", metavar="NAME", help="who has it; changes are kept under this name")
    tokens.add_parser("list", help="show the names of all, and when they were made and revoked")
    tokens.add_parser("revoke", help="from now on it is no token").add_argument("name", metavar="NAME")
    notify = add("notify", "send a test to everybody who is told of a project's verdicts")
    notify.add_argument("--test", metavar="PROJECT", required=True, help="whose receivers; the answer of each is shown")
    backup = add("backup", "write a consistent copy of the database while the daemon runs")
    backup.add_argument("file", type=Path, help="where to; it must not exist")
    export = add("export", "write runs, verdicts and releases as JSON lines, or values as CSV")
    export.add_argument("file", type=Path, nargs="?", help="where to; it must not exist (default: standard output)")
    export.add_argument("--csv", action="store_true", help="the values alone, one a line, for a spreadsheet")
    export.add_argument("--project", metavar="NAME", help="of one project alone")
    imports = add("import", "add what an export has written; again is as good as once")
    imports.add_argument("file", type=Path, nargs="?", help="where from (default: standard input)")
    return parser


def add_run_arguments(parser: argparse.ArgumentParser) -> None:
    """Describe the command line of `dogdriver run` to *parser*."""
    which = parser.add_mutually_exclusive_group(required=True)
    which.add_argument("project", nargs="?", metavar="PROJECT", help="the project to load")
    which.add_argument("--all", action="store_true", help="every project with a test that may run, one after the other")
    parser.add_argument("--deployment", metavar="NAME", help="where (default: the only one, else stage)")
    parser.add_argument("--test", metavar="NAME", help="which test (default: the project's)")
    parser.add_argument("--release", metavar="RELEASE", help="which release this is, of a service that does not say it")
    parser.add_argument("--source", metavar="NAME", help="where this load comes from (default: DOGDRIVER_SOURCE)")
    parser.add_argument(
        "--to", metavar="ADDRESS", help="deliver to http://DAEMON or s3://BUCKET (default: DOGDRIVER_BUCKET, else keep "
        "the run in DOGDRIVER_DATA)",
    )  # fmt: skip
    parser.add_argument("--wait", action="store_true", help="wait for the verdict; the exit code tells it")
    parser.add_argument("--ask", metavar="URL", help="the daemon to ask for the verdict (default: that of --to)")
    parser.add_argument(
        "--baseline", metavar="RELEASE", help="with --wait: the verdict against that release alone (default: against "
        "the releases before)",
    )  # fmt: skip
    parser.add_argument("--timeout", type=_seconds, metavar="SECONDS", help="wait no longer than that")
    parser.add_argument(
        "--undecided", type=int, choices=range(256), default=int(ExitCode.UNDECIDED), metavar="CODE",
        help="the exit code for a verdict that is undecided (default: 2)",
    )  # fmt: skip
    parser.add_argument("--undecided-ok", dest="undecided", action="store_const", const=0, help="the same as 0")
    parser.add_argument("--json", action="store_true", help="one JSON object a line on standard output")


def add_wait_arguments(parser: argparse.ArgumentParser) -> None:
    """Describe the command line of `dogdriver wait` to *parser*."""
    parser.add_argument("project", metavar="PROJECT", help="the project")
    parser.add_argument("--release", metavar="RELEASE", required=True, help="the release, as its /__version__ says it")
    parser.add_argument("--ask", metavar="URL", required=True, help="the daemon to ask")
    parser.add_argument("--deployment", metavar="NAME", help="where (default: the project's usual one)")
    parser.add_argument("--source", metavar="NAME", help="where the load comes from (default: the best source)")
    parser.add_argument(
        "--timeout", type=_seconds, default=3600.0, metavar="SECONDS", help="wait no longer than that (default: 3600)"
    )
    parser.add_argument(
        "--undecided", type=int, choices=range(256), default=int(ExitCode.UNDECIDED), metavar="CODE",
        help="the exit code for a verdict that is undecided (default: 2)",
    )  # fmt: skip
    parser.add_argument("--json", action="store_true", help="the last answer as one JSON object on standard output")


def read_request(parsed: argparse.Namespace, settings: Settings) -> Request:
    """Raises SettingsError with one sentence for what does not go together."""
    to = _destination(parsed.to or (f"s3://{settings.bucket}" if settings.bucket else None))
    ask = daemon_address("--ask", parsed.ask) or (to if to and not to.startswith("s3://") else None)
    request = Request(
        project=None if parsed.all else parsed.project, deployment=parsed.deployment, test=parsed.test,
        release=_release(parsed.release, every=parsed.all),
        to=to, ask=ask, wait=parsed.wait, baseline=parsed.baseline, undecided=parsed.undecided,
        timeout=parsed.timeout, json=parsed.json,
    )  # fmt: skip
    if request.to and not settings.source:
        raise SettingsError(
            "a run that is delivered needs a source that stays the same; set DOGDRIVER_SOURCE or give --source"
        )
    if request.bucket and request.wait and not request.ask:
        raise SettingsError(
            "a bucket gives no verdicts; name a daemon on it with --ask http://HOST, or leave out --wait"
        )
    if request.baseline and not request.wait:
        raise SettingsError("--baseline is for the verdict that --wait waits for; add --wait, or leave out --baseline")
    return request


def _release(text: str | None, *, every: bool) -> str | None:
    if text is not None and every:
        raise SettingsError("--release is of one project, and --all is all of them; name the project")
    return text


def _destination(text: str | None) -> str | None:
    if text is None or not text.startswith("s3://"):
        return daemon_address("--to", text)
    name = text.removeprefix("s3://").rstrip("/")
    try:
        return f"s3://{bucket_name(name)}"
    except ValueError:
        raise SettingsError(f"--to is {text!r}; give the bucket alone, as in s3://BUCKET") from None


def daemon_address(option: str, text: str | None) -> str | None:
    if text is None:
        return None
    parts = urlsplit(text)
    if parts.scheme not in {"http", "https"} or not parts.hostname or parts.username or parts.query or parts.fragment:
        raise SettingsError(
            f"{option} is {text!r}; give a daemon's address such as http://HOST:8080, without a password"
        )
    return text.rstrip("/")


def _seconds(text: str) -> float:
    with suppress(ValueError):
        if 0 <= float(text) <= LONGEST:
            return float(text)
    raise argparse.ArgumentTypeError(f"{text!r} is not a number of seconds from 0 to {LONGEST}")
