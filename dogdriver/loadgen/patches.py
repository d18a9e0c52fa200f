"""What a test replaces of the libraries that the daemon uses as well: found, told, and put back."""

import types
from collections.abc import Iterator, Mapping
from typing import Any

_CODE = (types.FunctionType, types.BuiltinFunctionType, types.ModuleType, type, staticmethod, classmethod, property)
_MISSING = object()


class Patches:
    """Remembers the functions and classes of *modules*, and the methods of these classes, as they are now."""

    def __init__(self, modules: Mapping[str, types.ModuleType]) -> None:
        self._places = [
            place for name, module in modules.items() if hasattr(module, "__dict__")
            for place in ((module, name), *_classes(module, name))
        ]  # fmt: skip
        self._code = [
            (owner, label, {name: value for name, value in vars(owner).copy().items() if isinstance(value, _CODE)})
            for owner, label in self._places
        ]

    def undo(self) -> list[str]:
        """Put back whatever has been replaced; gives the names of that, `json.dumps`."""
        found = []
        for owner, label, code in self._code:
            now = vars(owner)
            for name, value in code.items():
                if now.get(name, _MISSING) is not value:
                    setattr(owner, name, value)
                    found.append(f"{label}.{name}")
        return sorted(found)


def _classes(module: types.ModuleType, name: str) -> Iterator[tuple[Any, str]]:
    """Those that are written in Python: nobody can replace a method of another one."""
    for value in vars(module).copy().values():
        if isinstance(value, type) and value.__module__ == name and value.__flags__ & (1 << 9):  # Py_TPFLAGS_HEAPTYPE
            yield value, f"{name}.{value.__qualname__}"
