"""The one publisher: who it asks, how it ends, and what it does where there are no threads."""

from __future__ import annotations

import asyncio
import logging
import threading
from typing import Any

import pytest

from p2plab_widgets.publisher import Publisher, SourceOutcome

WAIT = 20  # seconds, for what should happen at once


class Recorder:
    """A source that is asked ``turns`` times and then has no more to say."""

    def __init__(
        self, turns: int, error: Exception | None = None, outcome: SourceOutcome = SourceOutcome.NOTHING
    ) -> None:
        self.turns = turns
        self.outcome = outcome
        self.error = error
        self.failure: Exception | None = None
        self.threads: list[str] = []
        self.done = threading.Event()

    def publish(self) -> SourceOutcome:
        self.threads.append(threading.current_thread().name)
        if self.error is not None:
            raise self.error
        if len(self.threads) >= self.turns:
            self.done.set()
            return SourceOutcome.ENDED
        return self.outcome

    def failed(self, error: Exception) -> None:
        self.failure = error
        self.done.set()


def ended(publisher: Publisher) -> bool:
    for thread in threading.enumerate():
        if thread.name == "p2plab widgets" and thread is not threading.current_thread():
            thread.join(WAIT)
    return not publisher.running


def test_all_sources_are_asked_from_one_thread_which_ends_with_the_last() -> None:
    publisher = Publisher(look=0.001, rest=0)
    sources = [Recorder(3), Recorder(5)]
    for source in sources:
        publisher.add(source)
    for source in sources:
        assert source.done.wait(WAIT)
    assert ended(publisher)
    assert [len(source.threads) for source in sources] == [3, 5]
    assert {name for source in sources for name in source.threads} == {"p2plab widgets"}


def test_a_source_that_fails_is_told_and_left_out_and_the_others_go_on(caplog: pytest.LogCaptureFixture) -> None:
    publisher = Publisher(look=0.001, rest=0)
    bad, good = Recorder(9, error=ValueError("broken")), Recorder(5)
    with caplog.at_level(logging.ERROR, "p2plab.widgets"):
        publisher.add(bad)
        publisher.add(good)
        assert good.done.wait(WAIT)
        assert ended(publisher)
    assert (len(bad.threads), len(good.threads)) == (1, 5)
    assert str(bad.failure) == "broken"
    assert [record.message for record in caplog.records] == ["a widget of p2plab failed and stands still"]


def test_removing_the_last_source_ends_the_thread_without_waiting_for_the_interval() -> None:
    publisher = Publisher(look=3600)
    source = Recorder(10**9)
    publisher.add(source)
    publisher.remove(source)
    assert ended(publisher)


def test_a_source_that_has_sent_rests_while_the_others_are_asked() -> None:
    publisher = Publisher(look=0.001, rest=3600)
    busy, quiet = Recorder(9, outcome=SourceOutcome.SENT), Recorder(9)
    publisher.add(busy)
    publisher.add(quiet)
    assert quiet.done.wait(WAIT)
    publisher.remove(busy)
    assert ended(publisher)
    assert (len(busy.threads), len(quiet.threads)) == (1, 9)


def test_it_starts_again_after_it_ended() -> None:
    publisher = Publisher(look=0.001, rest=0)
    for _ in range(2):
        source = Recorder(2)
        publisher.add(source)
        assert source.done.wait(WAIT)
        assert ended(publisher)


def refuse(*_: Any) -> None:
    raise RuntimeError("can't start new thread")


def test_without_threads_a_task_of_the_running_loop_publishes(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(threading.Thread, "start", refuse)

    async def main() -> Recorder:
        publisher = Publisher(look=0.001, rest=0)
        source = Recorder(4)
        publisher.add(source)
        while publisher.running:
            await asyncio.sleep(0)
        return source

    source = asyncio.run(asyncio.wait_for(main(), WAIT))
    assert source.threads == ["MainThread"] * 4


def test_without_threads_and_a_loop_it_says_so(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(threading.Thread, "start", refuse)
    publisher = Publisher()
    with pytest.raises(RuntimeError, match="no running event loop"):
        publisher.add(Recorder(1))
    assert not publisher.running


def test_a_widget_that_is_collected_while_another_is_added_does_no_harm(monkeypatch: pytest.MonkeyPatch) -> None:
    """The collector may run anywhere in ``add``, and end a widget there; here, while the thread is started."""
    publisher, old, new = Publisher(), Recorder(1), Recorder(3)
    start = threading.Thread.start

    def collecting(thread: threading.Thread) -> None:
        publisher.remove(old)
        start(thread)

    monkeypatch.setattr(threading.Thread, "start", collecting)
    adding = threading.Thread(target=publisher.add, args=[new], daemon=True)
    start(adding)
    assert new.done.wait(WAIT)
    adding.join(WAIT)
    assert not adding.is_alive()


def test_a_thread_that_begins_may_collect_a_widget(monkeypatch: pytest.MonkeyPatch) -> None:
    """The collector may run in the thread that is being started, too, for which ``add`` waits meanwhile."""
    publisher, new = Publisher(look=0.001, rest=0), Recorder(3)
    start = threading.Thread.start
    removed = []

    def collecting(thread: threading.Thread) -> None:
        other = threading.Thread(target=publisher.remove, args=[Recorder(1)], daemon=True)
        start(other)
        other.join(WAIT)
        removed.append(not other.is_alive())
        start(thread)

    monkeypatch.setattr(threading.Thread, "start", collecting)
    publisher.add(new)
    assert removed == [True]
    assert new.done.wait(WAIT)
    assert ended(publisher)
