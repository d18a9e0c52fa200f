"""A plug-in of mypy: what is for dataclasses is given no Struct. The two look alike to mypy, and differ at run time."""

from collections.abc import Callable

from mypy.plugin import FunctionContext, Plugin
from mypy.types import Instance, Type, UnionType, get_proper_type

FUNCTIONS = frozenset(f"dataclasses.{name}" for name in ("replace", "fields", "asdict", "astuple"))


def _refuse_structs(call: FunctionContext) -> Type:
    given = get_proper_type(call.arg_types[0][0])
    for one in given.items if isinstance(given, UnionType) else [given]:
        kind = get_proper_type(one)
        if isinstance(kind, Instance) and kind.type.has_base("msgspec.Struct"):
            call.api.fail(
                f"{kind.type.name} is a Struct: take the function of that name in msgspec.structs", call.context
            )
    return call.default_return_type


class Structs(Plugin):
    """Looks at the calls of FUNCTIONS."""

    def get_function_hook(self, fullname: str) -> Callable[[FunctionContext], Type] | None:
        return _refuse_structs if fullname in FUNCTIONS else None


def plugin(version: str) -> type[Plugin]:
    return Structs
