"""What a project's page says of the evidence for its newest release."""

from datetime import datetime

import msgspec

from dogdriver.model import Project
from dogdriver.model.evidence import EvidencePlan, EvidenceState
from dogdriver.web.pages.format import percent


class EvidenceLine(msgspec.Struct, frozen=True):
    """A sentence (*text*), when the *next* run is (None: none is planned), and what the runs show so far (*enough*).
    *proposal*: what could be set where nothing is.
    """

    text: str
    next: datetime | None = None
    enough: str | None = None
    proposal: bool = False


def evidence_line(plan: EvidencePlan, project: Project | None) -> EvidenceLine | None:
    """None where there is nothing to say."""
    if plan.state is EvidenceState.OFF:
        if project is None or project.test is None or not project.allowed or project.evidence is not None:
            return None
        return EvidenceLine("A new release waits for the schedule.", proposal=True)
    runs = f"{plan.runs} of at most {plan.most} {'run' if plan.most == 1 else 'runs'}"
    enough = None if plan.visible is None else f"enough to see {percent(plan.visible)}"
    text = {
        EvidenceState.COLLECTING: f"Evidence for {plan.release}: {runs}",
        EvidenceState.DECIDED: f"Evidence for {plan.release}: decided after {runs}",
        EvidenceState.SPENT: f"Evidence for {plan.release}: {runs} made; the schedule’s runs go on",
        EvidenceState.PAUSED: f"Evidence for {plan.release}: {runs}; paused",
    }[plan.state]
    return EvidenceLine(text, plan.next, enough)
