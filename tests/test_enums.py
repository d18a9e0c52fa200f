"""Every state, kind and reason is an enum whose members say what they mean."""

import ast
from collections.abc import Iterator
from pathlib import Path

import pytest

PACKAGE = Path(__file__).parent.parent / "dogdriver"
KINDS = {"Enum", "StrEnum", "IntEnum"}


def enums() -> Iterator[tuple[Path, ast.ClassDef]]:
    for path in sorted(PACKAGE.rglob("*.py")):
        for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
            if isinstance(node, ast.ClassDef) and KINDS & {
                base.id for base in node.bases if isinstance(base, ast.Name)
            }:
                yield path, node


FOUND = [pytest.param(path, node, id=f"{path.relative_to(PACKAGE)}:{node.name}") for path, node in enums()]


def test_there_are_enums() -> None:
    assert len(FOUND) > 15


@pytest.mark.parametrize(("path", "enum"), FOUND)
def test_each_member_has_its_comment(path: Path, enum: ast.ClassDef) -> None:
    lines = path.read_text(encoding="utf-8").splitlines()
    silent = []
    for member, after in zip(enum.body, [*enum.body[1:], None], strict=True):
        if isinstance(member, ast.Assign):
            documented = isinstance(after, ast.Expr) and isinstance(after.value, ast.Constant)
            if not documented and "  # " not in lines[(member.end_lineno or member.lineno) - 1]:
                silent.append(ast.unparse(member.targets[0]))
    assert not silent
