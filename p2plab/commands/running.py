"""Awaiting verbs of either face of a lab.

A command is written once, as a coroutine over the awaited faces, and awaits their verbs with ``finished``. Over an
``AsyncLab`` it is awaited like any other. Over a ``Lab`` it is given that lab's own faces, whose verbs are done when
they return: then it never waits, and is driven to its end by one ``send`` (``driven``).
"""

from __future__ import annotations

import inspect
from collections.abc import Awaitable, Callable, Coroutine
from typing import TYPE_CHECKING, Any, TypeVar, cast

from p2plab.errors import InsideLabError

if TYPE_CHECKING:
    from p2plab.api.aio.node import AsyncNode

T = TypeVar("T")


async def finished(value: Awaitable[T]) -> T:
    """The result of a verb of either face: of a ``Lab``'s, ``value`` is the result already."""
    if inspect.isawaitable(value):
        return await value
    result: T = value
    return result


def driven(work: Coroutine[Any, Any, T]) -> T:
    """The result of a coroutine that need not wait. Where it does, InsideLabError is raised at that place in it."""
    try:
        work.send(None)
        work.throw(
            InsideLabError(
                "a command of a Lab can wait for the lab's verbs and for nothing else; with an AsyncLab, await "
                "lab.execute_command(...)"
            )
        )
    except StopIteration as stop:
        result: T = stop.value
        return result
    work.close()
    raise InsideLabError("a command of a Lab went on waiting for what is not the lab's")


def is_lab(face: object) -> bool:
    """Whether it is a lab, of either face, and not one of its nodes."""
    return hasattr(face, "start_node")


def through(node: AsyncNode, verb: Callable[..., Awaitable[T]], *args: Any) -> Awaitable[T]:
    """Call a coroutine of the lab, such as a stream's ``write``, the way the node's own verbs go."""
    if inspect.iscoroutinefunction(node.ping):
        return node.world.arun(verb, *args)
    done: Any = node.world.run(verb, *args)
    return cast("Awaitable[T]", done)
