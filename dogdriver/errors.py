"""Every deliberate error, in one tree; web/errors.py maps it to HTTP.

DogdriverError                     code, message (what, and what to do), details
├── SettingsError                  the start is refused
├── BadInput                       the caller can fix it
│   ├── NotFound                   no such project, run, metric
│   ├── Conflict                   not in this state, or not the same as before
│   ├── TooLarge                   more bytes than are taken
│   ├── UnsupportedMedia           not JSON by its content type
│   ├── Invalid                    well-formed, and still not acceptable
│   │   └── Early                  made after this moment: another time it may be
│   ├── Unauthenticated            no token, or a wrong one
│   │   └── TooManyAttempts        wrong tokens, again and again
│   ├── TooManyRequests            one client, or all, at the same time
│   ├── TooSlow                    a body that does not come
│   └── Forbidden                  a token will not help (an Origin that is not ours)
├── RunError                       the run ends as failed, with this sentence as its reason
│   ├── CatalogError               a project, deployment or test that cannot be used
│   ├── TargetError                the service under test does not answer as a service does
│   ├── CheckoutError              the test repository cannot become a directory that can be run
│   └── LoadTestError              the test itself: unknown name, no scenario, import or set-up that raises
├── ExternalError                  somebody else's server
│   ├── Unavailable                try again, not before retry_after seconds if given
│   │   ├── RateLimited            the budget is spent
│   │   └── Mismatch               the answer is not to the question that was asked
│   └── Refused                    permanent: keys, scope, malformed request; trying again will not help
│       ├── KeysRefused            Datadog's keys or their scopes: a person may change them meanwhile
│       └── BadQuery               the query itself: it is the same however often it is asked
└── StoreError                     the database cannot do what it must
"""

from collections.abc import Mapping
from typing import Any


class DogdriverError(Exception):
    """One sentence that says what is wrong and what to do, and a stable *code* in snake_case."""

    code: str = "error"

    def __init__(self, message: str, *, code: str | None = None, details: Mapping[str, Any] | None = None) -> None:
        super().__init__(message)
        self.message = message
        self.code = code or self.code
        self.details = dict(details or {})


class SettingsError(DogdriverError):
    code = "bad_setting"


class BadInput(DogdriverError):
    code = "bad_request"


class NotFound(BadInput):
    code = "not_found"


class Conflict(BadInput):
    code = "conflict"


class TooLarge(BadInput):
    code = "too_large"


class UnsupportedMedia(BadInput):
    code = "unsupported_media_type"


class Invalid(BadInput):
    code = "invalid"


class Early(Invalid):
    """It may be acceptable later: it says that it was made after this moment."""


class Unauthenticated(BadInput):
    code = "unauthenticated"


class TooManyAttempts(Unauthenticated):
    """*retry_after*: the seconds to wait."""

    code = "too_many_attempts"

    def __init__(self, message: str, *, retry_after: float) -> None:
        super().__init__(message)
        self.retry_after = retry_after


class TooManyRequests(BadInput):
    """*retry_after*: the seconds to wait."""

    code = "too_many_requests"

    def __init__(self, message: str, *, retry_after: float) -> None:
        super().__init__(message)
        self.retry_after = retry_after


class TooSlow(BadInput):
    code = "request_timeout"


class Forbidden(BadInput):
    code = "forbidden"


class RunError(DogdriverError):
    code = "run_failed"


class CatalogError(RunError):
    code = "bad_project"


class TargetError(RunError):
    code = "bad_target"


NOT_NOW = "load_refused"
"""The code of a TargetError: the service asks not to be loaded."""


class CheckoutError(RunError):
    code = "bad_checkout"


class LoadTestError(RunError):
    code = "bad_test"


class ExternalError(DogdriverError):
    code = "external"


class Unavailable(ExternalError):
    """Not now. *retry_after* is the least number of seconds to wait, None where nobody said.

    *unsure*: it is not known whether what was sent has arrived.
    """

    code = "unavailable"

    def __init__(
        self,
        message: str,
        *,
        retry_after: float | None = None,
        details: Mapping[str, Any] | None = None,
        unsure: bool = False,
    ) -> None:
        super().__init__(message, details=details)
        self.retry_after = retry_after
        self.unsure = unsure


class RateLimited(Unavailable):
    code = "rate_limited"


class Mismatch(Unavailable):
    """Nothing in the answer is used."""

    code = "mismatch"


class Refused(ExternalError):
    code = "refused"


class KeysRefused(Refused):
    code = "forbidden"


class BadQuery(Refused):
    code = "bad_query"


class StoreError(DogdriverError):
    code = "store"
