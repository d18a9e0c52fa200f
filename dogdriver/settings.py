"""What the environment says, read once. Everything about one setting stands in its row of SETTINGS."""

import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field, fields
from ipaddress import IPv4Network, IPv6Network, ip_network
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

from dogdriver.errors import SettingsError

SITES = (
    "datadoghq.com", "us3.datadoghq.com", "us5.datadoghq.com", "ap1.datadoghq.com", "ap2.datadoghq.com",
    "datadoghq.eu", "ddog-gov.com", "us2.ddog-gov.com", "uk1.datadoghq.com",
)  # fmt: skip

LINK_WORDS = ("app", "from_ts", "to_ts", "project", "deployment", "run_query", "metric", "scope", "agg", "query")
"""What the templates of links may name, in braces; those from `metric` on are of one metric."""

MAIL = re.compile(r"[^@\s<>\",;:]+@[^@\s<>\",;:]+")
SHORTEST_TOKEN = 16  # characters; a shorter one can be guessed
_USERINFO = re.compile(r"(?<=//)[^/\s]*@|[^/\s]*:[^/\s]*@")  # a password may stand there
_MOUNT = re.compile(
    r"(?!/(api|p|r|static|login|logout|status|metrics|favicon\.ico|__\w+__)(/|$))(/[A-Za-z0-9_~-][A-Za-z0-9._~-]*)+"
)
_HEADER = re.compile(r"[A-Za-z0-9][A-Za-z0-9_-]{0,99}")
NOT_A_LOGIN = frozenset(
    {"authorization", "cookie", "host", "origin", "forwarded", "x-forwarded-for", "x-forwarded-proto"}
)
_BUCKET = re.compile(r"(?!\.+$)[A-Za-z0-9._-]{1,255}|arn:[!-~]{1,500}")  # what S3's client takes

_KUBERNETES = re.compile(  # what it puts into every pod beside a Service named dogdriver, or dogdriver-web: not ours
    r"DOGDRIVER(_\w+)?_(SERVICE_(HOST|PORT(_\w+)?)=.*|PORT_\d+_(TCP|UDP|SCTP)(_(PROTO|PORT|ADDR))?=.*|PORT=\w+://.*)"
)


class Secret(str):
    """A string that prints as stars wherever it is shown by accident; `reveal()` gives it to who needs it."""

    __slots__ = ()

    def __repr__(self) -> str:
        return "'***'"

    def __str__(self) -> str:
        return "***"

    def __format__(self, spec: str) -> str:
        return "***"

    def reveal(self) -> str:
        return str.__str__(self)


@dataclass(frozen=True, slots=True)
class Settings:
    """All settings, checked. Secrets are Secret; paths are absolute."""

    data: Path
    host: str
    port: int
    projects: Path | None
    servicebook: str | None
    source: str | None
    sync: float
    token: Secret | None
    private: bool
    bucket: str | None
    api_key: Secret | None
    app_key: Secret | None
    site: str
    datadog_url: str | None
    link_events: str | None
    link_metric: str | None
    settle: float
    watch: float
    isolation: str
    keep_raw: float
    keep_runs: float | None
    most_runs: int | None
    public_url: str | None
    trusted_proxies: tuple[IPv4Network | IPv6Network, ...] | None
    user_header: str | None
    log: str
    smtp: Secret | None
    smtp_from: str | None
    warnings: tuple[str, ...] = ()
    sensitive: frozenset[str] = field(default_factory=frozenset)  # variables that held secrets: to be removed


def _path(text: str) -> Path:
    """A path; ~NAME stands for the home of a user that there is"""
    try:
        return Path(text).expanduser().absolute()
    except RuntimeError as error:
        raise ValueError from error


def _number(low: float, high: float, unit: str) -> Callable[[str], float]:
    def parse(text: str) -> float:
        value = float(text)
        if not low <= value <= high:
            raise ValueError
        return value

    parse.__doc__ = f"a number of {unit} from {low:g} to {high:g}"
    return parse


def _count(text: str) -> int:
    """A whole number from 100 to 10000000"""
    value = int(text)
    if not 100 <= value <= 10_000_000:  # noqa: PLR2004 - verdicts rest on dozens of runs
        raise ValueError
    return value


def _port(text: str) -> int:
    """A port number from 0 to 65535"""
    value = int(text)
    if not 0 <= value <= 65535:  # noqa: PLR2004 - the range of ports
        raise ValueError
    return value


def _public(text: str) -> str:
    """An address such as https://host/path, without user, password, query, and a path that is one of dogDriver's own"""
    parts = urlsplit(_url(text))
    if parts.query or parts.fragment or (parts.path and not _MOUNT.fullmatch(parts.path)):
        raise ValueError
    return parts.geturl()


def _url(text: str) -> str:
    """An address such as http://host/path, without user and password"""
    parts = urlsplit(text)
    if parts.scheme not in {"http", "https"} or not parts.hostname or parts.username or parts.password:
        raise ValueError
    return text.rstrip("/")


def _link(text: str) -> str:
    """Off, or an address from {app}/ or http on, with words of docs/settings.md alone in braces"""
    if text.lower() == "off":
        return ""
    words = re.findall(r"\{([^{}]*)\}", text)
    if not text.startswith(("{app}/", "https://", "http://")) or not set(words) <= set(LINK_WORDS):
        raise ValueError
    return text


def _one_of(*words: str) -> Callable[[str], str]:
    def parse(text: str) -> str:
        if text not in words:
            raise ValueError
        return text

    parse.__doc__ = "one of " + ", ".join(words)
    return parse


def _flag(text: str) -> bool:
    """1 or 0"""
    return {"1": True, "true": True, "yes": True, "0": False, "false": False, "no": False}[text.lower()]


def _word(text: str) -> str:
    """A name of at most 100 printable characters"""
    if not text.isprintable() or len(text) > 100 or text != text.strip():  # noqa: PLR2004
        raise ValueError
    return text


def bucket_name(text: str) -> str:
    """The name of an S3 bucket, as in my-runs; raises ValueError"""
    if not _BUCKET.fullmatch(text):
        raise ValueError
    return text


def _networks(text: str) -> tuple[IPv4Network | IPv6Network, ...]:
    """Addresses or networks with commas between, such as 10.0.0.0/8, 127.0.0.1, ::1"""
    return tuple(ip_network(one.strip()) for one in text.split(","))


def _header(text: str) -> str:
    """The name of a header that holds a login name, such as X-Forwarded-User"""
    if not _HEADER.fullmatch(text) or text.lower() in NOT_A_LOGIN:
        raise ValueError
    return text


def _secret(text: str) -> Secret:
    """One word of printable ASCII characters, as it goes into a header"""
    if not all("!" <= character <= "~" for character in text):
        raise ValueError
    return Secret(text)


def _token(text: str) -> Secret:
    """One word of at least 16 printable ASCII characters, as it goes into a header"""
    if len(text) < SHORTEST_TOKEN:
        raise ValueError
    return _secret(text)


def _smtp(text: str) -> Secret:
    """An address such as smtp://user:password@host:587 (STARTTLS) or smtps://user:password@host:465 (TLS)"""
    parts = urlsplit(text)
    if parts.scheme not in {"smtp", "smtps"} or not parts.hostname or parts.port == 0 or parts.path.strip("/"):
        raise ValueError
    return Secret(text)


def _mail(text: str) -> str:
    """An address of mail such as dogdriver@example.org"""
    if not MAIL.fullmatch(text):
        raise ValueError
    return text


@dataclass(frozen=True, slots=True)
class Setting:
    """One variable: *name*, the field it fills, how its text is read, its *default* as text, and what it is for."""

    name: str
    field: str
    parse: Callable[[str], Any]
    default: str | None
    help: str
    secret: bool = False
    aliases: tuple[str, ...] = ()  # names that are read when this one is unset, in this order
    deprecated: tuple[str, ...] = ()  # the same, with a warning


SETTINGS = (
    Setting("DOGDRIVER_DATA", "data", _path, "./data", "The data directory: database, token, test repositories."),
    Setting("DOGDRIVER_HOST", "host", _word, "127.0.0.1", "The address to listen on; the image sets 0.0.0.0."),
    Setting("DOGDRIVER_PORT", "port", _port, "8080", "The port to listen on; 0 takes a free one.", aliases=("PORT",)),
    Setting("DOGDRIVER_PROJECTS", "projects", _path, None, "The projects file (TOML)."),
    Setting("DOGDRIVER_SERVICEBOOK", "servicebook", _url, None, "ServiceBook's API, for example http://HOST/api/."),
    Setting("DOGDRIVER_SOURCE", "source", _word, None, "Where this daemon's load comes from; else the host's name at first start, kept."),
    Setting("DOGDRIVER_SYNC", "sync", _number(1, 86400, "seconds"), "30", "Seconds between two looks into the bucket."),
    Setting("DOGDRIVER_TOKEN", "token", _token, None, "The token that writes need, at least 16 characters; else one is made and kept in the data directory.", secret=True),
    Setting("DOGDRIVER_PRIVATE", "private", _flag, "0", "1: reading needs the token, too."),
    Setting("DOGDRIVER_BUCKET", "bucket", bucket_name, None, "The S3 bucket shared with other sources; AWS' own variables say the rest."),
    Setting("DD_API_KEY", "api_key", _secret, None, "Datadog's API key; without keys runs are kept with what the load generator measured.", secret=True, deprecated=("DOG_API_KEY",)),
    Setting("DD_APP_KEY", "app_key", _secret, None, "Datadog's application key; queries need it.", secret=True, deprecated=("DOG_APP_KEY",)),
    Setting("DD_SITE", "site", _one_of(*SITES), "datadoghq.com", "The Datadog site of the keys."),
    Setting("DOGDRIVER_DATADOG_URL", "datadog_url", _url, None, "Datadog's API at another address than the site's."),
    Setting("DOGDRIVER_LINK_EVENTS", "link_events", _link, None, "The link from a run to its events in Datadog, a template; `off`: none."),
    Setting("DOGDRIVER_LINK_METRIC", "link_metric", _link, None, "The link from a run to each of its metrics in Datadog, a template; `off`: none."),
    Setting("DOGDRIVER_SETTLE", "settle", _number(0.1, 86400, "seconds"), "600", "Seconds after the end of a run before its metrics are first read; all later looks scale with it."),
    Setting("DOGDRIVER_WATCH", "watch", _number(1, 86400, "seconds"), "60", "Seconds between two looks at the version of every deployment that may be loaded."),
    Setting("DOGDRIVER_ISOLATION", "isolation", _one_of("thread", "process"), "thread", "Where a test runs: in a thread, or in a process that cannot see the daemon's secrets."),
    Setting("DOGDRIVER_KEEP_RAW", "keep_raw", _number(1, 36500, "days"), "90", "Days that Datadog's raw series behind a run's values are kept; values and verdicts stay."),
    Setting("DOGDRIVER_KEEP_RUNS", "keep_runs", _number(1, 36500, "days"), None, "Days that runs are kept here; the bucket keeps its own, and verdicts are kept forever. Unset: forever."),
    Setting("DOGDRIVER_MOST_RUNS", "most_runs", _count, None, "The most runs of a project, deployment, test and source that are kept here, the newest. Unset: all."),
    Setting("DOGDRIVER_PUBLIC_URL", "public_url", _public, None, "This dashboard's address as its users see it, with the path under which a proxy has it."),
    Setting("DOGDRIVER_TRUSTED_PROXIES", "trusted_proxies", _networks, None, "The proxies before dogDriver, as addresses or networks: what they say of who asks is believed."),
    Setting("DOGDRIVER_USER_HEADER", "user_header", _header, None, "The header in which these proxies name who has signed in there, for example X-Forwarded-User."),
    Setting("DOGDRIVER_LOG", "log", _one_of("text", "json"), "text", "The form of the log on standard output: lines for people, or mozlog JSON."),
    Setting("DOGDRIVER_SMTP", "smtp", _smtp, None, "The mail server for notifications: `smtp://user:password@host:port` (STARTTLS) or `smtps://…` (TLS).", secret=True),
    Setting("DOGDRIVER_SMTP_FROM", "smtp_from", _mail, None, "The sender's address of notifications by mail."),
)  # fmt: skip


def load(environ: Mapping[str, str]) -> Settings:
    """The settings that *environ* holds; every mistake in it at once, as one SettingsError."""
    values: dict[str, Any] = {}
    mistakes: list[str] = []
    warnings: list[str] = []
    environ = {name: text for name, text in environ.items() if not _KUBERNETES.fullmatch(f"{name}={text}")}
    known = {name for s in SETTINGS for own in (s.name, *s.aliases, *s.deprecated) for name in (own, f"{own}_FILE")}
    if unknown := sorted(name for name in environ if name.startswith("DOGDRIVER_") and name not in known):
        near = ", ".join(sorted(s.name for s in SETTINGS if s.name.startswith("DOGDRIVER_")))
        what = "is not a setting; remove it" if len(unknown) == 1 else "are not settings; remove them"
        mistakes.append(f"{', '.join(unknown)} {what}, or use one of {near}")
    for setting in SETTINGS:
        try:
            values[setting.field] = _value(setting, environ, warnings)
        except SettingsError as error:
            mistakes.append(error.message)
    if not mistakes and values["bucket"] and not values["source"]:
        mistakes.append(
            "DOGDRIVER_SOURCE is unset while DOGDRIVER_BUCKET is set; name the place this load comes from, "
            "for the host's own name may be a container's random one"
        )
    if not mistakes and values["user_header"] and not values["trusted_proxies"]:
        mistakes.append(
            "DOGDRIVER_USER_HEADER is set while DOGDRIVER_TRUSTED_PROXIES is not; anybody could send that header, so "
            "name the proxies that may"
        )
    if mistakes:
        raise SettingsError(". ".join(mistakes) + ".", details={"mistakes": mistakes})
    secrets = frozenset(
        n
        for s in SETTINGS
        if s.secret
        for o in (s.name, *s.aliases, *s.deprecated)
        for n in (o, f"{o}_FILE")
        if environ.get(n)
    )
    return Settings(**values, warnings=tuple(warnings), sensitive=secrets)


def _value(setting: Setting, environ: Mapping[str, str], warnings: list[str]) -> Any:
    name, text = _text(setting, environ)
    if name in setting.deprecated or name.removesuffix("_FILE") in setting.deprecated:
        warnings.append(f"{name} is deprecated; set {setting.name} instead")
    if text is None:
        return None
    try:
        return setting.parse(text)
    except (ValueError, KeyError):
        shown = "" if setting.secret else f" is {_USERINFO.sub('***@', text)!r}, and"
        wanted = (setting.parse.__doc__ or "another value").strip()
        raise SettingsError(f"{name}{shown} must be {wanted[0].lower()}{wanted[1:]}") from None


def _text(setting: Setting, environ: Mapping[str, str]) -> tuple[str, str | None]:
    """The name that was set, and its text; an empty variable is unset."""
    for name in (setting.name, *setting.aliases, *setting.deprecated):
        text = environ.get(name)
        file = environ.get(f"{name}_FILE") if setting.secret else None
        if text and file:
            raise SettingsError(f"{name} and {name}_FILE are both set; remove one of them")
        if text:
            return name, text
        if file:
            return f"{name}_FILE", read_secret(f"{name}_FILE", file)
    return setting.name, setting.default


def read_secret(name: str, file: str) -> str:
    """What stands in *file*, which the variable *name* names. Raises SettingsError."""
    try:
        text = Path(file).read_text(encoding="utf-8").strip()
    except UnicodeDecodeError:
        raise SettingsError(f"{name} names {file}, which is not UTF-8; write the secret into it again") from None
    except (OSError, ValueError) as error:
        why = getattr(error, "strerror", None) or error
        raise SettingsError(f"{name} names {file}, which cannot be read ({why}); fix the path") from None
    if not text:
        raise SettingsError(f"{name} names {file}, which is empty; write the secret into it, or unset {name}")
    return text


assert {s.field for s in SETTINGS} == {f.name for f in fields(Settings)} - {"warnings", "sensitive"}  # noqa: S101 - one table
