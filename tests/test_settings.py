"""The environment, read once: every mistake at once, each as a sentence that names the variable and the remedy."""

import contextlib
import re
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from dogdriver.errors import SettingsError
from dogdriver.settings import SETTINGS, Secret, load

DOCS = Path(__file__).parent.parent / "docs" / "settings.md"


def test_an_empty_environment_is_enough() -> None:
    settings = load({})
    assert (settings.host, settings.port, settings.settle, settings.isolation) == ("127.0.0.1", 8080, 600.0, "thread")
    assert settings.data.is_absolute()
    assert settings.token is None
    assert settings.api_key is None


def test_an_empty_variable_is_unset() -> None:
    assert load({"DOGDRIVER_PORT": "", "DD_API_KEY": "", "DOGDRIVER_SOURCE": ""}) == load({})


def test_the_ports_of_platforms_are_read_and_ours_wins() -> None:
    assert load({"PORT": "9000"}).port == 9000
    assert load({"PORT": "9000", "DOGDRIVER_PORT": "9001"}).port == 9001


def test_an_unknown_name_is_refused_and_the_known_ones_are_listed() -> None:
    with pytest.raises(SettingsError, match=r"DOGDRIVER_SETLE is not a setting.*DOGDRIVER_SETTLE"):
        load({"DOGDRIVER_SETLE": "5"})


@pytest.mark.parametrize(
    ("name", "text"),
    [
        ("DOGDRIVER_PORT", "eighty"),
        ("DOGDRIVER_PORT", "70000"),
        ("PORT", "-1"),
        ("DOGDRIVER_SETTLE", "soon"),
        ("DOGDRIVER_SETTLE", "nan"),
        ("DOGDRIVER_SERVICEBOOK", "ftp://book"),
        ("DOGDRIVER_SERVICEBOOK", "http://user:pass@book/api/"),
        ("DD_SITE", "bogus.example"),
        ("DOGDRIVER_ISOLATION", "container"),
        ("DOGDRIVER_PRIVATE", "perhaps"),
        ("DOGDRIVER_SOURCE", "two\nlines"),
        ("DOGDRIVER_LOG", "xml"),
        ("DOGDRIVER_TRUSTED_PROXIES", "10.0.0.0/33"),
        ("DOGDRIVER_TRUSTED_PROXIES", "10.0.0.1/8"),
        ("DOGDRIVER_TRUSTED_PROXIES", "proxy.example.com"),
        ("DOGDRIVER_USER_HEADER", "X User"),
        ("DOGDRIVER_USER_HEADER", "Authorization"),
        ("DOGDRIVER_DATA", "~nobody-of-that-name/data"),
    ],
)
def test_a_bad_value_is_named_with_what_is_wanted(name: str, text: str) -> None:
    with pytest.raises(SettingsError) as caught:
        load({name: text})
    assert caught.value.message.startswith(f"{name} is ")
    assert "must be" in caught.value.message


def test_all_mistakes_are_told_at_once() -> None:
    with pytest.raises(SettingsError) as caught:
        load({"DOGDRIVER_PORT": "x", "DD_SITE": "y", "DOGDRIVER_NONE": "z"})
    assert len(caught.value.details["mistakes"]) == 3


def test_a_bucket_needs_a_source() -> None:
    with pytest.raises(SettingsError, match="DOGDRIVER_SOURCE is unset while DOGDRIVER_BUCKET is set"):
        load({"DOGDRIVER_BUCKET": "runs"})
    assert load({"DOGDRIVER_BUCKET": "runs", "DOGDRIVER_SOURCE": "berlin"}).bucket == "runs"


def test_a_login_name_comes_from_a_trusted_proxy() -> None:
    with pytest.raises(SettingsError, match="DOGDRIVER_TRUSTED_PROXIES is not; anybody could send that header"):
        load({"DOGDRIVER_USER_HEADER": "X-Forwarded-User"})
    settings = load({"DOGDRIVER_USER_HEADER": "Remote-User", "DOGDRIVER_TRUSTED_PROXIES": "10.0.0.0/8, ::1,192.0.2.7"})
    assert settings.user_header == "Remote-User"
    assert [str(one) for one in settings.trusted_proxies or ()] == ["10.0.0.0/8", "::1/128", "192.0.2.7/32"]


def test_the_links_into_datadog_are_templates() -> None:
    settings = load({"DOGDRIVER_LINK_EVENTS": "off", "DOGDRIVER_LINK_METRIC": "{app}/x?q={query}&a={from_ts}"})
    assert (settings.link_events, settings.link_metric) == ("", "{app}/x?q={query}&a={from_ts}")
    for wrong in ("javascript:alert(1)", "{app}/{nonsense}", "app/x", "http://x/{}"):
        with pytest.raises(SettingsError, match="DOGDRIVER_LINK_EVENTS"):
            load({"DOGDRIVER_LINK_EVENTS": wrong})


def test_deprecated_names_are_read_with_a_warning() -> None:
    settings = load({"DOG_API_KEY": "old-api-key"})
    assert settings.api_key is not None
    assert settings.api_key.reveal() == "old-api-key"
    assert settings.warnings == ("DOG_API_KEY is deprecated; set DD_API_KEY instead",)
    assert not load({"DD_API_KEY": "new", "DOG_API_KEY": "old"}).warnings


def test_a_secret_comes_from_a_file(tmp_path: Path) -> None:
    (tmp_path / "key").write_text("from-the-file\n")
    settings = load({"DD_API_KEY_FILE": str(tmp_path / "key")})
    assert settings.api_key is not None
    assert settings.api_key.reveal() == "from-the-file"
    with pytest.raises(SettingsError, match=r"DD_API_KEY_FILE names .*none, which cannot be read"):
        load({"DD_API_KEY_FILE": str(tmp_path / "none")})


@pytest.mark.parametrize(
    ("environ", "why"),
    [
        ({"DD_API_KEY": "a", "DD_API_KEY_FILE": "{file}"}, "DD_API_KEY and DD_API_KEY_FILE are both set"),
        ({"DOGDRIVER_TOKEN_FILE": "{file}"}, "DOGDRIVER_TOKEN_FILE names .*, which is empty; write the secret into it"),
        ({"DOGDRIVER_TOKEN": "two\nlines"}, "^DOGDRIVER_TOKEN must be one word of at least 16 printable ASCII"),
        ({"DOGDRIVER_TOKEN": "0123456789abcde"}, "^DOGDRIVER_TOKEN must be one word of at least 16"),
        ({"DOGDRIVER_TOKEN": " spaced by a space"}, "^DOGDRIVER_TOKEN must be one word"),
    ],
)
def test_a_secret_that_is_none_or_two_is_a_mistake(tmp_path: Path, environ: dict[str, str], why: str) -> None:
    """Nobody could write with such a token; and the one that is made in its place nobody knows."""
    file = tmp_path / "empty"
    file.write_text("\n")
    with pytest.raises(SettingsError, match=why):
        load({name: text.format(file=file) for name, text in environ.items()})


def test_secrets_do_not_show() -> None:
    settings = load({"DD_API_KEY": "abc-secret", "DD_APP_KEY": "def-secret", "DOGDRIVER_TOKEN": "ghi-secret-0123456"})
    shown = f"{settings} {settings!r} {settings.api_key} {settings.api_key!r} {settings.token:>20}"
    assert "secret" not in shown
    assert settings.sensitive == {"DD_API_KEY", "DD_APP_KEY", "DOGDRIVER_TOKEN"}


def test_a_bad_secret_is_not_shown_in_the_mistake(tmp_path: Path) -> None:
    (tmp_path / "key").write_bytes(b"\xff\xfe-secret")
    with pytest.raises(SettingsError) as caught:
        load({"DD_API_KEY_FILE": str(tmp_path / "key")})
    assert "-secret" not in caught.value.message


@given(st.text())
def test_a_secret_keeps_its_text(text: str) -> None:
    assert Secret(text).reveal() == text


@given(st.dictionaries(st.sampled_from([s.name for s in SETTINGS] + ["DOGDRIVER_X", "PATH"]), st.text()))
def test_whatever_the_environment_holds_is_settings_or_one_error(environ: dict[str, str]) -> None:
    with contextlib.suppress(SettingsError):
        load(environ)


def test_every_setting_is_documented_with_its_default() -> None:
    rows = dict(re.findall(r"^\| `([A-Z_]+)` \| ([^|]*) \|", DOCS.read_text(encoding="utf-8"), re.MULTILINE))
    assert rows == {s.name: f"`{s.default}`" if s.default is not None else "unset" for s in SETTINGS}
    text = DOCS.read_text(encoding="utf-8")
    for setting in SETTINGS:
        assert setting.help in text
        for other in (*setting.aliases, *setting.deprecated):
            assert f"`{other}`" in text


@pytest.mark.parametrize(
    "text", ["http://me:hunter2@host/api", "https://me:hun@ter2@host", "me:hunter2@host", "http://hunter2@h"]
)
def test_a_refused_address_does_not_print_its_password(text: str) -> None:
    with pytest.raises(SettingsError, match="DOGDRIVER_SERVICEBOOK") as refused:
        load({"DOGDRIVER_SERVICEBOOK": text})
    assert "ter2" not in refused.value.message


def _service_links(service: str) -> dict[str, str]:
    """What Kubernetes gives every pod of a namespace that has *service*."""
    own = service.upper().replace("-", "_")
    return {
        f"{own}_SERVICE_HOST": "10.96.12.7",
        f"{own}_SERVICE_PORT": "8080",
        f"{own}_SERVICE_PORT_HTTP_WEB": "8080",
        f"{own}_PORT": "tcp://10.96.12.7:8080",
        **{f"{own}_PORT_8080_{kind}": f"{kind.lower()}://[fd00::7]:8080" for kind in ("TCP", "UDP", "SCTP")},
        f"{own}_PORT_8080_TCP_PROTO": "tcp",
        f"{own}_PORT_8080_TCP_PORT": "8080",
        f"{own}_PORT_8080_TCP_ADDR": "10.96.12.7",
    }


@pytest.mark.parametrize("service", ["dogdriver", "dogdriver-web", "dogdriver-stage-2", "dogdriver-data"])
def test_what_kubernetes_puts_beside_a_service_of_our_name_is_left_aside(service: str) -> None:
    assert load(_service_links(service)) == load({})
    assert load({**_service_links(service), "PORT": "9000"}).port == 9000


@pytest.mark.parametrize("mine", [{"DOGDRIVER_WEB_PORT": "8080"}, {"DOGDRIVER_HOSTS": "tcp://10.96.12.7:8080"}])
def test_what_only_resembles_it_is_refused(mine: dict[str, str]) -> None:
    with pytest.raises(SettingsError, match="is not a setting"):
        load({**_service_links("dogdriver"), **mine})


def test_the_settings_are_listed_once_for_all_that_are_none() -> None:
    with pytest.raises(SettingsError) as caught:
        load({"DOGDRIVER_SETLE": "5", "DOGDRIVER_PROT": "1"})
    assert caught.value.message.startswith("DOGDRIVER_PROT, DOGDRIVER_SETLE are not settings; remove them, or use")
    assert caught.value.message.count("DOGDRIVER_SETTLE") == 1
