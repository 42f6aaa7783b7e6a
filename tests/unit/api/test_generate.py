"""The blocking faces: made of the awaited ones, and of nothing that cannot be said without ``await``."""

from __future__ import annotations

import inspect
import shutil
from pathlib import Path

import pytest

from p2plab import AsyncLab, AsyncNode, Lab, Node
from p2plab.api.aio.content import AsyncContent
from p2plab.api.aio.content_files import AsyncContentReader
from p2plab.api.aio.dht import AsyncDht
from p2plab.api.aio.discovery import AsyncDiscovery
from p2plab.api.aio.lab_dht import AsyncLabDht
from p2plab.api.aio.routing import AsyncRouting
from p2plab.api.blocking.content import Content
from p2plab.api.blocking.content_files import ContentReader
from p2plab.api.blocking.dht import Dht
from p2plab.api.blocking.discovery import Discovery
from p2plab.api.blocking.lab_dht import LabDht
from p2plab.api.blocking.routing import Routing
from p2plab.api.generate import ROOT, SourceError, blocking_text, main, sources, stale, write
from p2plab.pubsub import AsyncSubscription, Subscription
from p2plab.stream import AsyncStream, BlockingStream

FACES: list[tuple[type, type]] = [
    (AsyncLab, Lab),
    (AsyncNode, Node),
    (AsyncContent, Content),
    (AsyncContentReader, ContentReader),
    (AsyncDht, Dht),
    (AsyncDiscovery, Discovery),
    (AsyncLabDht, LabDht),
    (AsyncRouting, Routing),
    (AsyncStream, BlockingStream),
    (AsyncSubscription, Subscription),
]
# All that one face has and the other has not: as long as this list is, so much is written by hand.
ONLY = {
    AsyncLab: {"blocking", "sleep"},
    Lab: {"aio", "check", "compare", "compare_presets", "console", "fork", "replay", "restore"},
    AsyncStream: {"node"},
    BlockingStream: {"aio"},
}


def test_every_blocking_module_is_what_its_source_makes_of_it() -> None:
    found = list(sources())
    assert {source.relative_to(ROOT).as_posix() for source, _ in found} >= {"api/aio/lab.py", "stream/aio.py"}
    assert stale() == [], "python p2plab/api/generate.py"
    assert main(["--check"]) == 0


def test_every_module_of_the_blocking_folder_has_a_source() -> None:
    made = {target for _, target in sources()}
    assert {path for path in (ROOT / "api" / "blocking").glob("*.py") if path.name != "__init__.py"} <= made


def test_a_module_behind_its_source_is_found_and_written(tmp_path: Path) -> None:
    copy = tmp_path / "p2plab"
    shutil.copytree(ROOT / "pubsub", copy / "pubsub", ignore=shutil.ignore_patterns("__pycache__"))
    assert stale(copy) == []
    source, target = copy / "pubsub" / "shell" / "aio.py", copy / "pubsub" / "shell" / "blocking.py"
    source.write_text(source.read_text(encoding="utf-8").replace("10.0", "20.0"), encoding="utf-8")
    assert stale(copy) == [target]
    assert write(copy) == [target]
    assert "20.0" in target.read_text(encoding="utf-8")


@pytest.mark.parametrize(("awaited", "blocking"), FACES, ids=lambda face: face.__name__)
def test_the_two_faces_differ_in_what_is_listed_and_nothing_else(awaited: type, blocking: type) -> None:
    def public(face: type) -> set[str]:
        return {name for name in dir(face) if not name.startswith("_")}

    assert public(awaited) - public(blocking) == ONLY.get(awaited, set())
    assert public(blocking) - public(awaited) == ONLY.get(blocking, set())


@pytest.mark.parametrize(("awaited", "blocking"), FACES, ids=lambda face: face.__name__)
def test_both_faces_take_the_same_arguments_and_only_one_is_awaited(awaited: type, blocking: type) -> None:
    compared = 0
    for name in set(dir(awaited)) & set(dir(blocking)):
        one, other = inspect.getattr_static(awaited, name), inspect.getattr_static(blocking, name)
        if name.startswith("_") or not inspect.isfunction(one):
            continue
        assert list(inspect.signature(one).parameters.values()) == list(inspect.signature(other).parameters.values())
        assert not inspect.iscoroutinefunction(other)
        compared += 1
    assert compared >= 2


HEAD = '"""A source."""\n\nfrom p2plab.api.faces.node import NodeFace\n\n\n'


def made(body: str, head: str = HEAD) -> str:
    return blocking_text(
        f"{head}class AsyncThing(NodeFace):\n" + "".join(f"    {line}\n" for line in body.split("\n")), "x/aio.py"
    )


def test_a_verb_loses_its_awaits_and_keeps_its_comments() -> None:
    text = made(
        "async def go(self, é: str = 'ü') -> AsyncThing:  # why\n"
        '    """Go; see ``AsyncThing.go`` of an ``AsyncThing``.\n\n'
        "    Awaited by its task alone.\n\n"
        "    Example:\n"
        "        >>> async def handler(stream):\n"
        "        ...     await stream.read()\n"
        "        >>> await thing.go()\n"
        '    """\n'
        "    async with await self.open() as one:\n"
        "        async for é in one.all():\n"
        "            await self._world.arun(self.é, (await one.get()).x)\n"
        "    await self._world.aclose()\n"
        "    return AsyncThing()"
    )
    assert text.split("class ")[1] == (
        "Thing(NodeFace):\n"
        "    def go(self, é: str = 'ü') -> Thing:  # why\n"
        '        """Go; see ``Thing.go`` of a ``Thing``.\n    \n'
        "        Example:\n"
        "            >>> async def handler(stream):\n"
        "            ...     await stream.read()\n"
        "            >>> thing.go()\n"
        '        """\n'
        "        with self.open() as one:\n"
        "            for é in one.all():\n"
        "                self._world.run(self.é, (one.get()).x)\n"
        "        self._world.close()\n"
        "        return Thing()\n"
    )


@pytest.mark.parametrize(
    ("body", "why"),
    [
        ("async def go(self):\n    async def inner(): ...", "a verb may have no async function in it"),
        ("async def go(self):\n    await self.task", "a verb awaits calls of verbs, and nothing else"),
        ("async def go(self):\n    await gather(self.a(), self.b())", r"not gather\(self.a\(\), self.b\(\)\)"),
        ("async def go(self):\n    await NodeFace.go(self)", "a verb awaits world.arun"),
        ("async def go(self):\n    return [x async for x in self.all()]", "write this comprehension as a loop"),
        ("async def go(self):\n    import asyncio", "a verb knows no event loop, so asyncio has no place"),
        ("async def go(self):\n    return (await\n        self.go())", "await stands alone on its line"),
    ],
)
def test_what_cannot_be_said_without_await_is_refused_with_its_line(body: str, why: str) -> None:
    with pytest.raises(SourceError, match=rf"x/aio.py, line \d+: .*{why}"):
        made(body)


def test_a_source_without_a_face_or_with_an_event_loop_is_refused() -> None:
    with pytest.raises(SourceError, match="no class Async"):
        blocking_text('"""Nothing."""\n', "x/aio.py")
    with pytest.raises(SourceError, match=r"a verb knows no event loop, so anyio\.abc has no place"):
        made("pass", '"""A source."""\n\nfrom anyio.abc import TaskGroup\n\n\n')


def test_bases_constants_and_names_of_the_source_are_imported_from_it() -> None:
    text = blocking_text(
        '"""A source."""\n\nfrom p2plab.x.aio import AsyncOther, OtherFace\n\n__all__ = ["AsyncThing"]\nMOST = 3\n\n\n'
        "class ThingFace: ...\n\n\nclass AsyncThing(ThingFace, OtherFace):\n    other = AsyncOther\n    most = MOST\n",
        "y/aio.py",
    )
    assert "from p2plab.x.aio import OtherFace\nfrom p2plab.x.blocking import Other\n" in text
    assert "from p2plab.y.aio import MOST, ThingFace\n" in text
    assert '__all__ = ["Thing"]' in text
