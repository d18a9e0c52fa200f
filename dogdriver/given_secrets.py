"""The secrets of tests: what the daemon was given for them under the names of `env_from`."""

from collections.abc import Callable, Iterable, Mapping

from dogdriver.errors import SettingsError
from dogdriver.settings import Secret, read_secret


class GivenSecrets:
    """What *environ* holds for tests, under the names of `env_from`; *remove* takes a name out of the process' own."""

    def __init__(self, environ: Mapping[str, str], remove: Callable[[str], object]) -> None:
        self._environ, self._remove = environ, remove

    def get(self, name: str, key: str = "env_from") -> Secret:
        """The value of *name*, or what stands in the file that NAME_FILE names. Raises SettingsError."""
        text, file = self._environ.get(name), self._environ.get(f"{name}_FILE")
        if text and file:
            raise SettingsError(f"{name} and {name}_FILE are both set; remove one of them")
        if not text and not file:
            raise SettingsError(f"`{key}` names {name}, which is not set; set {name} or {name}_FILE for dogDriver")
        return Secret(text or read_secret(f"{name}_FILE", file or ""))

    def withhold(self, names: Iterable[str]) -> None:
        """Take *names* out of the process' environment, which every test can read; `get` still has them."""
        for name in names:
            self._remove(name)
