"""Where a service says which release it is, if not at Dockerflow's `/__version__`."""

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class ReleaseSource:
    """An answer of *path*, below the endpoint: its *header*, or what the JSON *pointer* (RFC 6901) finds in its body;
    without either the body is a document like that of `/__version__`.
    """

    path: str = "/__version__"
    pointer: str | None = None
    header: str | None = None

    def __str__(self) -> str:
        where = f"header {self.header} of " if self.header else f"{self.pointer} in " if self.pointer else ""
        return where + self.path


def pointed(document: object, pointer: str) -> object:
    """What *pointer* finds in *document*; None where that is nothing."""
    for part in pointer.split("/")[1:]:
        name = part.replace("~1", "/").replace("~0", "~")
        if isinstance(document, dict):
            document = document.get(name)
        elif isinstance(document, list) and name.isascii() and name.isdigit() and int(name) < len(document):
            document = document[int(name)]
        else:
            return None
    return document
