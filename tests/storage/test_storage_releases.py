"""Labels, and when a release was there."""

import asyncio
from itertools import pairwise

import pytest
from hypothesis import given
from hypothesis import strategies as st

from dogdriver.model import UNKNOWN, Release, Stay
from dogdriver.storage import Store
from dogdriver.storage.releases import give_label as give
from tests.storage.made import at, fresh

HERE = ("kintowe", "stage")
A, B = "a" * 40, "b" * 40


async def test_the_label_is_the_version(store: Store) -> None:
    assert await store.releases.label(*HERE, "1.0", A) == "1.0"
    assert await store.releases.label(*HERE, " 1.0 ", A) == "1.0"
    assert await store.releases.label(*HERE, "2.0", None) == "2.0"


async def test_a_second_commit_of_a_version_shows_itself(store: Store) -> None:
    assert await store.releases.label(*HERE, "1.0", A) == "1.0"
    assert await store.releases.label(*HERE, "1.0", B) == "1.0+bbbbbbb"
    assert await store.releases.label(*HERE, "1.0", A) == "1.0", "the first one keeps its plain label"
    assert await store.releases.label(*HERE, "1.0", B) == "1.0+bbbbbbb"
    assert await store.releases.label("kintowe", "prod", "1.0", B) == "1.0", "each deployment has its own"


async def test_commits_that_begin_alike_get_longer_labels(store: Store) -> None:
    await store.releases.label(*HERE, "1.0", A)
    assert await store.releases.label(*HERE, "1.0", "b" * 8 + "1") == "1.0+bbbbbbb"
    assert await store.releases.label(*HERE, "1.0", "b" * 8 + "2") == "1.0+bbbbbbbb"
    assert await store.releases.label(*HERE, "1.0", "b" * 8 + "3") == "1.0+bbbbbbbb3"
    assert await store.releases.label(*HERE, "1.0", "b" * 8 + "2") == "1.0+bbbbbbbb"


async def test_a_blank_version_is_called_by_its_commit(store: Store) -> None:
    assert await store.releases.label(*HERE, None, A) == "a" * 12
    assert await store.releases.label(*HERE, " ", "a" * 12 + "b") == "a" * 12 + "b"
    assert await store.releases.label(*HERE, "", "short") == "short"
    assert await store.releases.label(*HERE, "unknown", B) == "b" * 12


@pytest.mark.parametrize(("version", "commit"), [(None, None), ("", " "), ("unknown", "Unknown")])
async def test_nothing_usable_is_unknown(store: Store, version: str | None, commit: str | None) -> None:
    assert await store.releases.label(*HERE, version, commit) == UNKNOWN
    assert store.commits.number == 0, "and nothing is kept"


async def test_a_version_without_its_commit_has_the_plain_label(store: Store) -> None:
    assert await store.releases.label(*HERE, "1.0", None) == "1.0"
    assert await store.releases.label(*HERE, "1.0", A) == "1.0", "it was there all the time"
    assert await store.releases.label(*HERE, "1.0", B) == "1.0+bbbbbbb"
    assert await store.releases.label(*HERE, "1.0", None) == "1.0"


async def test_a_version_that_looks_like_a_label_is_told_apart(store: Store) -> None:
    await store.releases.label(*HERE, "1.0", A)
    assert await store.releases.label(*HERE, "1.0", B) == "1.0+bbbbbbb"
    assert await store.releases.label(*HERE, "1.0+bbbbbbb", A) == "1.0+bbbbbbb+aaaaaaa"
    assert await store.releases.label(*HERE, "1.0+bbbbbbb", None) == "1.0+bbbbbbb~2"


async def test_a_label_is_given_once_to_whoever_asks_at_the_same_time(store: Store) -> None:
    commits = [f"{number:02}" * 20 for number in range(20)]
    labels = await asyncio.gather(*(store.releases.label(*HERE, "1.0", commit) for commit in commits * 2))
    assert labels[:20] == labels[20:]
    assert len(set(labels)) == 20


words = st.sampled_from(
    [None, "", "1", "1+a", "1+aaaaaaa", "a", "aaaaaaa", "a" * 12, "a" * 13, "a" * 40, "1~2", "~", "unknown"]
)


@given(st.lists(st.tuples(words, words), max_size=12))
def test_the_same_words_have_the_same_label_and_no_two_commits_share_one(
    said: list[tuple[str | None, str | None]],
) -> None:
    with fresh() as database:
        labels = [give(database, *HERE, *words) for words in said]
        assert labels == [give(database, *HERE, *words) for words in said]
        for (words, label), (other_words, other) in pairwise(
            sorted(zip(said, labels, strict=True), key=lambda p: p[1])
        ):
            usable = [[word if word not in {"", "unknown"} else None for word in pair] for pair in (words, other_words)]
            if label == other and None not in {usable[0][1], usable[1][1]}:
                assert usable[0] == usable[1]


async def test_a_release_is_new_then_known_then_returns(store: Store) -> None:
    one, two = Release("1"), Release("2", "2", A)
    assert await store.releases.see(*HERE, one, at(0))
    assert not await store.releases.see(*HERE, one, at(1))
    assert await store.releases.see(*HERE, two, at(2))
    assert await store.releases.see(*HERE, one, at(3)), "a return"
    assert not await store.releases.see(*HERE, one, at(3))
    assert await store.releases.see(*HERE, two, at(3)), "at the same time, and later"
    assert await store.releases.see("kintowe", "prod", one, at(4))
    assert list(await store.releases.seen(*HERE)) == [Stay(one, 1, at(0), at(3)), Stay(two, 1, at(2), at(3))]
    assert list(await store.releases.seen("nobody", "stage")) == []


async def test_an_unknown_release_is_none(store: Store) -> None:
    await store.releases.see(*HERE, Release("1"), at(0))
    assert not await store.releases.see(*HERE, Release(UNKNOWN), at(1))
    assert not await store.releases.see(*HERE, Release("1"), at(2)), "what follows it is no return"
    assert [seen.release.label for seen in await store.releases.seen(*HERE)] == ["1"]


async def test_an_observation_that_comes_late_is_no_return(store: Store) -> None:
    await store.releases.see(*HERE, Release("1"), at(10))
    await store.releases.see(*HERE, Release("2"), at(20))
    assert not await store.releases.see(*HERE, Release("1"), at(15))
    assert not await store.releases.see(*HERE, Release("2"), at(21)), "2 has been there all the time"
    assert await store.releases.see(*HERE, Release("0"), at(5)), "it is new all the same"
    assert not await store.releases.see(*HERE, Release("2"), at(22))
    assert [(seen.name, seen.first) for seen in await store.releases.seen(*HERE)] == [
        ("0", at(5)),
        ("1", at(10)),
        ("2", at(20)),
    ]


async def test_a_label_that_was_given_counts_as_seen_only_when_it_is_observed(store: Store) -> None:
    label = await store.releases.label(*HERE, "1.0", A)
    assert list(await store.releases.seen(*HERE)) == []
    assert await store.releases.see(*HERE, Release(label, "1.0", A), at(1))
    assert list(await store.releases.seen(*HERE)) == [Stay(Release("1.0", "1.0", A), 1, at(1), at(1))]


async def test_what_was_seen_without_a_label_asked_for_is_told_apart_too(store: Store) -> None:
    await store.releases.see(*HERE, Release("1.0", "1.0", A), at(1))
    assert await store.releases.label(*HERE, "1.0", B) == "1.0+bbbbbbb"
    assert await store.releases.label(*HERE, "1.0", A) == "1.0"
