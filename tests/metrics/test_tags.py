import re

import pytest
from hypothesis import given
from hypothesis import strategies as st

from dogdriver.metrics import query


@pytest.mark.parametrize(
    ("given_text", "kept"),
    [
        ("kintowe", "kintowe"),
        ("Kinto WE", "kinto_we"),
        ("kinto (web extensions)", "kinto_web_extensions"),
        ("a--b.c/d:e", "a--b.c/d:e"),
        ("a__b!!c", "a_b_c"),
        ("Ünïcode", "ünïcode"),
        ("", "unknown"),
        ("***", "unknown"),
        ("stage:", "stage"),
        ("x" * 300, "x" * 200),
    ],
)
def test_values_are_written_as_datadog_keeps_them(given_text: str, kept: str) -> None:
    assert query.tag_value(given_text) == kept


@given(st.text())
def test_a_value_holds_nothing_that_means_something_in_a_query(text: str) -> None:
    value = query.tag_value(text)
    assert re.fullmatch(r"[\w.:/-]{1,200}", value)
    assert not set(value) & set("{}(),*!\"' \n\t")
    assert query.tag_value(value) == value


@given(st.text())
def test_a_word_can_stand_in_the_name_of_a_metric(text: str) -> None:
    assert re.fullmatch(r"[a-z0-9_.]+", query.metric_name(text))


@given(st.dictionaries(st.sampled_from(["env", "service", "version"]), st.text()))
def test_tags_are_short_and_keep_their_key(pairs: dict[str, str]) -> None:
    listed = query.tag_list(pairs)
    assert [tag.partition(":")[0] for tag in listed] == list(pairs)
    assert all(len(tag) <= 200 and tag.isprintable() and not tag.endswith(":") for tag in listed)
