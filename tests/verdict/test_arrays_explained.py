"""Every function of the statistics that takes or gives an array says of what shape; places in the docs are there."""

import ast
import re
from collections.abc import Iterator
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
FILES = sorted([*(ROOT / "dogdriver" / "verdict").glob("*.py"), *(ROOT / "dogdriver" / "metrics").glob("*.py")])
ARRAYS = {"Floats", "Ints", "Flags"}

SHAPE = r"\((?:[a-z][a-z_]*,|(?:[a-z0-9_ *+\-]+, )+[a-z0-9_ *+\-]+|\.\.\.(?:, [a-z]+)*)\)"
"""`(runs,)`, `(runs, columns)`, `(runs, 2 a harmonic)`, `(phis * sizes, size)`; `(...)` where any shape will do."""
OF = re.compile(rf"((?:\*\w+\*(?:, | and )?)+):? {SHAPE}")
"""`*values* (runs,)`, `*own*, *previous* (runs,)`."""

Explained = ast.FunctionDef | ast.ClassDef


def explained(path: Path) -> Iterator[Explained]:
    """Functions, and classes whose fields are arrays."""
    for node in ast.walk(ast.parse(path.read_text())):
        if isinstance(node, ast.FunctionDef | ast.ClassDef) and (taken(node) or given(node)):
            yield node


def taken(node: Explained) -> set[str]:
    """The names of the arrays among its parameters or fields."""
    if isinstance(node, ast.ClassDef):
        fields = [field for field in node.body if isinstance(field, ast.AnnAssign)]
        return {field.target.id for field in fields if isinstance(field.target, ast.Name) and array(field.annotation)}
    parameters = [*node.args.posonlyargs, *node.args.args, *node.args.kwonlyargs]
    return {parameter.arg for parameter in parameters if array(parameter.annotation)}


def given(node: Explained) -> bool:
    return isinstance(node, ast.FunctionDef) and array(node.returns)


def array(annotation: ast.expr | None) -> bool:
    """Whether an array is in it, or in the tuple or list that it is."""
    return annotation is not None and any(
        isinstance(node, ast.Name) and node.id in ARRAYS for node in ast.walk(annotation)
    )


def mentions_points(node: ast.FunctionDef) -> bool:
    signature = [node.args, *([node.returns] if node.returns else [])]
    return any(isinstance(part, ast.Name) and part.id == "Points" for one in signature for part in ast.walk(one))


def unexplained(node: Explained) -> list[str]:
    """What its docstring leaves open."""
    text = " ".join((ast.get_docstring(node) or "").split())
    named = {name for found in OF.finditer(text) for name in re.findall(r"\*(\w+)\*", found.group(1))}
    open_ = [f"{node.name}: the shape of {name}" for name in sorted(taken(node) - named)]
    if given(node) and not re.search(SHAPE, OF.sub("", text)):
        open_.append(f"{node.name}: the shape of what it gives")
    return open_


@pytest.mark.parametrize("path", FILES, ids=lambda path: f"{path.parent.name}/{path.stem}")
def test_every_array_has_its_shape_in_the_docstring(path: Path) -> None:
    assert [what for node in explained(path) for what in unexplained(node)] == []


def test_the_rule_sees_what_is_not_explained() -> None:
    code = '''
def silent(values: Floats) -> float: ...
def half(values: Floats, own: Flags) -> tuple[Floats, int]:
    """The sum of *values* (runs,) by their *own* kind."""
def whole(values: Floats, own: Flags) -> Floats | None:
    """The sums, (groups,), of *values* and *own* (runs,)."""
'''
    silent, half, whole = (node for node in ast.parse(code).body if isinstance(node, ast.FunctionDef))
    assert unexplained(silent) == ["silent: the shape of values"]
    assert unexplained(half) == ["half: the shape of own", "half: the shape of what it gives"]
    assert unexplained(whole) == []


def test_what_takes_or_gives_points_says_what_of_them() -> None:
    """Their shape is told once, where `Points` is made."""
    functions = [
        node
        for path in FILES
        for node in ast.walk(ast.parse(path.read_text()))
        if isinstance(node, ast.FunctionDef) and mentions_points(node)
    ]
    assert len(functions) > 5
    assert [node.name for node in functions if not ast.get_docstring(node)] == []


def test_most_of_the_statistics_are_seen() -> None:
    assert sum(1 for path in FILES for _ in explained(path)) > 60


def test_every_place_in_the_docs_that_the_code_names_is_a_heading_there() -> None:
    headings = set(re.findall(r"^#+ (.+)$", (ROOT / "docs" / "verdict.md").read_text(), re.MULTILINE))
    named = [
        (path.stem, place)
        for path in (ROOT / "dogdriver").rglob("*.py")
        for places in re.findall(r'docs/verdict\.md, ("[^"]+"(?: and "[^"]+")*)', " ".join(path.read_text().split()))
        for place in re.findall(r'"([^"]+)"', places)
    ]
    assert len(named) > 15
    assert [(module, place) for module, place in named if place not in headings] == []
