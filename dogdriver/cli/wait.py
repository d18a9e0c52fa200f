"""`dogdriver wait`: what a daemon says of a release, as soon as it stands; the exit code tells a pipeline."""

import argparse
import asyncio
import json
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Self

from dogdriver.cli.arguments import ExitCode, daemon_address
from dogdriver.cli.destinations import DaemonClient
from dogdriver.cli.verdict import EXIT_CODES, verdict_lines
from dogdriver.errors import NotFound, Unavailable
from dogdriver.network import http_client
from dogdriver.settings import Secret

LONGEST = 60  # seconds that one question waits
MARGIN = 15.0  # beyond that, for the answer itself
NOT_SEEN = "release_not_seen"


@dataclass(frozen=True, slots=True)
class Question:
    """Of which *release* the daemon at *url* is asked, for *timeout* seconds at most."""

    project: str
    release: str
    url: str
    scope: Mapping[str, str]
    timeout: float
    undecided: int

    @classmethod
    def of(cls, parsed: argparse.Namespace) -> Self:
        """Raises SettingsError for an address that is none."""
        scope = {"release": parsed.release, "deployment": parsed.deployment, "source": parsed.source}
        return cls(
            parsed.project, parsed.release, daemon_address("--ask", parsed.ask) or "",
            {name: value for name, value in scope.items() if value is not None}, parsed.timeout, parsed.undecided,
        )  # fmt: skip


@dataclass(frozen=True, slots=True)
class Answer:
    """The exit *code*, and what was last said; *document* is None where the release was not seen."""

    question: Question
    code: ExitCode
    document: Mapping[str, Any] | None

    @property
    def lines(self) -> list[str]:
        about = f"{self.question.project} {self.question.release}"
        if self.document is None:
            return [f"{about} was not seen within {self.question.timeout:g} s, so it was never compared."]
        if self.code is ExitCode.NEVER_COMPARED:
            return [f"{about} was never compared: none of its runs compares with earlier ones."]
        said = str(self.document["headline"]).replace("_", " ")
        return [f"{about}: {said}. {self.document['sentence']}", *verdict_lines(self.document["verdicts"])]

    @property
    def json(self) -> str:
        return json.dumps({"code": int(self.code), "meaning": self.code.name.lower(), "verdict": self.document})


async def ask(question: Question, token: Secret | None, environ: Mapping[str, str]) -> Answer:
    """Raises NotFound for a project or a deployment that there is not, Unavailable where the daemon has not answered by
    the end, Unauthenticated where it does not take the token.
    """
    clock = asyncio.get_running_loop().time
    end = clock() + question.timeout
    async with http_client(environ) as http:
        daemon = DaemonClient(http, question.url, token, timeout=LONGEST + MARGIN)
        while True:
            left = max(end - clock(), 0.0)
            wait = {"wait": str(min(int(left), LONGEST))}
            try:
                document = await daemon.verdicts(question.project, **question.scope, **wait)
            except NotFound as error:
                if error.code != NOT_SEEN:
                    raise
                document = None
            except Unavailable:
                if left == 0:
                    raise
                continue
            code = code_of(document)
            if code in {ExitCode.FINE, ExitCode.REGRESSED} or left < 1:
                return Answer(question, code, document)


def code_of(document: Mapping[str, Any] | None) -> ExitCode:
    """What the answer of a daemon means; None: the release was not seen."""
    verdicts = document["verdicts"] if document else []
    if document is None or not any(one["runs"] and one["baseline_runs"] for one in verdicts):
        return ExitCode.NEVER_COMPARED
    return EXIT_CODES.get(document["headline"] or "", ExitCode.UNDECIDED)
