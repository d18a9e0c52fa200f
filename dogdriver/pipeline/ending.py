"""What a load amounts to: the status that its run ends in, and why."""

from dataclasses import dataclass

from dogdriver.model import CLIENT_METRICS, Grade, Measured, MetricState, MetricValue, Status, Stopped


@dataclass(frozen=True, slots=True)
class End:
    """Of a run's load."""

    status: Status
    reason: str | None = None


def failures(measured: Measured) -> str:
    """What went wrong most, and the error statuses among the answers."""
    said = [message for message, _ in measured.client.failures[:1]]
    said += [f"{count} × {status}" for status, count in measured.client.statuses.items() if status >= "400"]
    return ", ".join(said) or "the scenario failed"


def failure_of_load(measured: Measured, guard: float) -> End | None:
    """How the load itself says that it went wrong."""
    tally = measured.tally
    executed = tally.ok + tally.failed
    if measured.stopped is Stopped.EXIT:
        return End(Status.ABORTED, measured.reason)
    if measured.failed:
        return End(Status.FAILED, measured.reason or "the test's own limit of failures (`fail`) was reached")
    if not executed and measured.client.grade is Grade.INVALID:
        return None  # whose reasons say more
    if not executed:
        return End(Status.FAILED, "the load executed no scenario to its end; give it more time or a lighter scenario")
    if measured.stopped is Stopped.GUARD or tally.failed / executed > guard:
        share = tally.failed / executed
        said = f"{share:.0%} of the executions failed, more than the {guard:.0%} that the guard lets pass"
        return End(Status.INVALID, measured.reason or said)
    return None


def client_values(measured: Measured) -> dict[str, MetricValue]:
    """The `client.*` metrics: final at once, for the load generator measured them itself."""
    return {
        metric.name: MetricValue(
            state=MetricState.SETTLED if value is not None else MetricState.NO_DATA, value=value, unit=metric.unit
        )
        for metric in CLIENT_METRICS
        for value in [getattr(measured.client, metric.name.removeprefix("client."))]
    }
