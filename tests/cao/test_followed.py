from __future__ import annotations

from handspan.cao.followed import Followed


def news(followed: Followed[str], *rows: tuple[str, str]) -> list[str]:
    return [f"{key} {says}" for key, says in rows if followed.news(key, says, final=says == "done")]


def test_a_row_is_news_once_for_all_that_it_says() -> None:
    followed = Followed[str]()
    assert news(followed, ("a", "open"), ("a", "open"), ("b", "open"), ("a", "done")) == ["a open", "b open", "a done"]


def test_what_is_final_is_followed_no_more() -> None:
    followed = Followed[str]()
    news(followed, ("a", "open"), ("b", "open"), ("a", "done"))
    assert (followed.keys, followed.told) == (["b"], ["b"])


def test_what_is_to_be_told_is_followed_and_not_told() -> None:
    followed = Followed[str]()
    followed.follow(["a"])
    assert (followed.keys, followed.told) == (["a"], [])
    assert news(followed, ("a", "open")) == ["a open"]
    followed.follow(["a"])
    assert news(followed, ("a", "open")) == []


def test_what_is_hushed_is_news_only_when_it_changes() -> None:
    followed = Followed[str]()
    followed.follow(["a"])
    followed.hush({"a": "open", "b": "open", "c": "open"})
    assert (followed.keys, followed.told) == (["a", "b", "c"], [])
    assert news(followed, ("a", "open"), ("b", "open"), ("c", "done")) == ["a open", "c done"]
    assert followed.keys == ["a", "b"]
    followed.follow(["b"])
    assert news(followed, ("b", "open")) == ["b open"]


def test_what_is_forgotten_is_news_again() -> None:
    followed = Followed[str]()
    news(followed, ("a", "open"))
    followed.forget(["a", "z"])
    assert (followed.keys, news(followed, ("a", "open"))) == ([], ["a open"])
