"""What the stand-in refuses, in one tree; str() is the sentence of its answer.

StandinError
├── QueryError          a query that cannot be answered; how it is told depends on the endpoint
├── EventError          an event that is not taken; as plain text by API v1, as an object by v2
└── BadRequest          a 400 with the sentence
    ├── IntakeError     metrics that are not taken
    ├── FormulaError    a request of API v2's query endpoints
    └── MonitorError    a monitor that is not whole

Not in dogDriver's own tree: these are what the server on the other side says, and reach dogDriver as HTTP only.
"""


class StandinError(ValueError):
    pass


class QueryError(StandinError):
    def __init__(self, query: str, why: str) -> None:
        super().__init__(f"Error parsing query: \n unable to parse {query}: {why}")


class EventError(StandinError):
    pass


class BadRequest(StandinError):
    pass


class IntakeError(BadRequest):
    pass


class FormulaError(BadRequest):
    pass


class MonitorError(BadRequest):
    pass
