"""A field of the run document is described in its Struct, in docs/api.md as it is there, and nowhere else.

What it costs to add one: its line in the Struct (and in the docs), and whoever has something to say in it.
"""

import ast
import re
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from msgspec import Struct, inspect

from dogdriver.model import ClientMeasures, Latency, Load, MetricValue, Reading, Run, Series, Tally
from dogdriver.model.document import RunDocument, VerdictDocument
from dogdriver.model.fields import DELIVERED, MEASURED, RAW, SERVER, marked

ROOT = Path(__file__).parent.parent
API = (ROOT / "docs" / "api.md").read_text(encoding="utf-8")

HEADINGS: dict[type, str] = {
    RunDocument: "The run document",
    Load: "Load",
    Tally: "Tally",
    ClientMeasures: "Client",
    Latency: "Latency",
    MetricValue: "Metric value",
    Reading: "Reading",
    Series: "Raw series",
    VerdictDocument: "Verdict",
}
REMARKS = {
    DELIVERED: "needed",
    MEASURED: "needed, unless it failed or was aborted",
    SERVER: "ignored",
    RAW: "taken; not answered",
}
WORDS: dict[type[inspect.Type], str] = {
    inspect.StrType: "text",
    inspect.IntType: "integer",
    inspect.FloatType: "number",
    inspect.BoolType: "true or false",
    inspect.DateTimeType: "time",
    inspect.EnumType: "word",
    inspect.AnyType: "anything",
    inspect.DataclassType: "object",
}


def _described(kind: inspect.Type) -> str:
    """A type in words."""
    match kind:
        case inspect.Metadata():
            words = _described(kind.type)
        case inspect.UnionType():
            [one] = [one for one in kind.types if not isinstance(one, inspect.NoneType)]
            words = f"{_described(one)} or null"
        case inspect.StructType():
            name = HEADINGS[kind.cls].lower()
            words = f"[{name}](#{name.replace(' ', '-')})"
        case inspect.DictType():
            words = f"{_described(kind.value_type)} by name"
        case inspect.VarTupleType():
            words = f"list of {_described(kind.item_type)}"
        case inspect.TupleType():
            words = f"pair of {' and '.join(map(_described, kind.item_types))}"
        case _:
            words = WORDS[type(kind)]
    return words


def _table(kind: type[Struct]) -> list[str]:
    """The lines of the documentation, as they follow from the Struct."""
    shape = inspect.type_info(kind)
    assert isinstance(shape, inspect.StructType)
    lines = ["| field | type | what | delivered |", "|---|---|---|---|"]
    for field in shape.fields:
        meaning = (getattr(field.type, "extra_json_schema", None) or {}).get("description")
        assert meaning, f"{kind.__name__}.{field.name} has no Meta(description=…)"
        [*remarks] = (remark for mark, remark in REMARKS.items() if field.name in marked(kind, mark))
        lines.append(f"| `{field.name}` | {_described(field.type)} | {meaning} | {', '.join(remarks)} |")
    return lines


@pytest.mark.parametrize("kind", HEADINGS, ids=lambda kind: kind.__name__)
def test_the_documentation_has_a_line_for_each_field_as_its_struct_says(kind: type[Struct]) -> None:
    section = re.search(rf"^#+ {HEADINGS[kind]}\n(.*?)(?=^#|\Z)", API, re.DOTALL | re.MULTILINE)
    assert section, f"docs/api.md has no heading {HEADINGS[kind]}"
    written = [line for line in section[1].splitlines() if line.startswith("|")]
    assert written == _table(kind), "write in docs/api.md:\n" + "\n".join(_table(kind))


def _spelled(tree: ast.AST, makes: set[str]) -> Iterator[tuple[int, set[str]]]:
    """What one expression or class names: keys, keywords, texts in a row or in an SQL statement, annotated names.

    Who *makes* a value, because it has measured it, describes nothing.
    """
    for node in ast.walk(tree):
        names: set[Any] = set()
        match node:
            case ast.Dict(keys=keys):
                names = {key.value for key in keys if isinstance(key, ast.Constant)}
            case ast.List(elts=parts) | ast.Tuple(elts=parts) | ast.Set(elts=parts):
                names = {part.value for part in parts if isinstance(part, ast.Constant)}
            case ast.Call(func=ast.Name(id=name)) if name in makes:
                continue
            case ast.Call(keywords=keywords):
                names = {keyword.arg for keyword in keywords}
            case ast.ClassDef(body=body):
                names = {
                    line.target.id
                    for line in body
                    if isinstance(line, ast.AnnAssign) and isinstance(line.target, ast.Name)
                }
            case ast.Constant(value=str(text)) if re.match(r"\s*(SELECT|INSERT|UPDATE|WITH|CREATE)\b", text):
                names = set(re.findall(r"\w+", text))
        if names and isinstance(node, ast.expr | ast.stmt):
            yield node.lineno, names


def _lists_of(kind: type[Struct], source: str) -> list[int]:
    """The lines at which *source* spells more than half of the fields of *kind*."""
    fields = set(kind.__struct_fields__)
    makes = {kind.__name__, kind.__name__.removesuffix("Document")}
    return [line for line, names in _spelled(ast.parse(source), makes) if 2 * len(names & fields) > len(fields)]


# The value of the statistics, of which a VerdictDocument takes what it has a field for.
OTHERS = {("dogdriver/model/verdict.py", VerdictDocument)}
OWN = {"dogdriver/model/run.py", "dogdriver/model/load.py", "dogdriver/model/reading.py", "dogdriver/model/document.py"}


@pytest.mark.parametrize("kind", [Run, ClientMeasures, MetricValue, Reading, VerdictDocument], ids=lambda k: k.__name__)
def test_no_other_module_lists_the_fields(kind: type[Struct]) -> None:
    found = []
    for path in sorted((ROOT / "dogdriver").rglob("*.py")):
        name = path.relative_to(ROOT).as_posix()
        if name not in OWN and (name, kind) not in OTHERS:
            found += [f"{name}:{line}" for line in _lists_of(kind, path.read_text(encoding="utf-8"))]
    assert not found, f"{kind.__name__} is described there once more; let it follow from the Struct"


@pytest.mark.parametrize(
    "source",
    [
        'def document(v): return {"state": v.state, "value": 0, "points": 1, "expected": 2, "query": 3, "unit": 4}',
        'FIELDS = ("state", "value", "points", "expected", "query", "unit")',
        "VALUE = whole(state=TEXT, value=NUMBER, points=WHOLE, expected=WHOLE, query=TEXT, unit=TEXT)",
        "class Row:\n  state: str\n  value: float\n  points: int\n  expected: int\n  query: str\n  unit: str",
        'SQL = "INSERT INTO value (run, metric, state, value, points, expected, query, unit) VALUES (?, ?)"',
    ],
    ids=["document", "tuple", "schema", "class", "sql"],
)
def test_a_list_of_fields_is_found_however_it_is_written(source: str) -> None:
    assert _lists_of(MetricValue, source)


def test_what_is_for_dataclasses_is_given_no_struct() -> None:
    with pytest.raises(TypeError):
        replace(Tally(), ok=1)  # type: ignore[misc]  # so says mypy, too: tests/mypy_structs.py
