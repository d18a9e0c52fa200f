"""Any value of a Struct, for hypothesis: made by the types of its fields, so that a new field is tried at once."""

from collections.abc import Mapping
from enum import Enum
from types import NoneType, UnionType
from typing import Annotated, Any, TypeVar, Union, get_args, get_origin, get_type_hints

from hypothesis import strategies as st
from msgspec import Struct

S = TypeVar("S", bound=Struct)
Leaves = Mapping[Any, st.SearchStrategy[Any]]


def structs(kind: type[S], leaves: Leaves, **given: st.SearchStrategy[Any]) -> st.SearchStrategy[S]:
    """*leaves* by type, those of dogdriver.model.fields included; *given* are fields with a strategy of their own."""
    hints = get_type_hints(kind, include_extras=True)
    return st.builds(kind, **{name: values(hint, leaves) for name, hint in hints.items() if name not in given} | given)


def values(hint: Any, leaves: Leaves) -> st.SearchStrategy[Any]:
    """Any value of one type."""
    origin, parts = get_origin(hint), get_args(hint)
    if origin is Annotated:
        ruled = [
            leaves[one] for one in leaves if get_origin(one) is Annotated and get_args(one)[1] in hint.__metadata__
        ]
        made = ruled[0] if ruled else values(parts[0], leaves)
    elif origin in {UnionType, Union}:
        made = st.none() | st.one_of([values(one, leaves) for one in parts if one is not NoneType])
    elif origin is tuple and parts[-1] is ...:
        made = st.lists(values(parts[0], leaves), max_size=3).map(tuple)
    elif origin is tuple:
        made = st.tuples(*(values(one, leaves) for one in parts))
    elif origin is Mapping:
        made = st.dictionaries(values(parts[0], leaves), values(parts[1], leaves), max_size=3)
    elif isinstance(hint, type) and issubclass(hint, Struct):
        made = structs(hint, leaves)
    else:
        made = st.sampled_from(hint) if isinstance(hint, type) and issubclass(hint, Enum) else leaves[hint]
    return made
