"""The background thread in which a real lab runs trio, and the ways into it from other threads and loops.

Rules it lives by:
- A call that is interrupted or cancelled outside is cancelled inside, and nobody waits for that to finish: the lab's
  own tasks see to what must not be cut short.
- Whatever is raised inside a call goes to its caller; nothing that is raised ends the thread.
"""

from __future__ import annotations

import asyncio
import os
import threading
from collections.abc import Awaitable, Callable
from concurrent import futures
from concurrent.futures import Future
from typing import Any, Generic, ParamSpec, TypeVar

import anyio
import trio

from p2plab.errors import ClosedError, InsideLabError

T = TypeVar("T")
P = ParamSpec("P")

GLANCE = 0.25  # seconds after which a thread that waits looks whether it was interrupted
CLOSED = "this lab is closed; make a new one with Lab('real')"
FORKED = (
    "this lab's thread and sockets are in the process that made it, and this one was forked from that; make a lab here "
    "with Lab('real')"
)


class ThreadCall(Generic[T]):
    """A verb on its way through the thread. ``future`` has its outcome; ``waits``: it lets the lab run meanwhile."""

    def __init__(self, verb: Callable[[], Awaitable[T]], what: str, waits: bool) -> None:
        self.future: Future[T] = Future()
        self.what = what
        self.waits = waits
        self._verb = verb
        self._scope = trio.CancelScope()
        self._settled = False

    def _settle(self) -> bool:
        """Whether the outcome is still open, and wanted; from now on it is not."""
        settled, self._settled = self._settled, True
        return not settled and self.future.set_running_or_notify_cancel()

    async def perform(self) -> None:
        """Inside: run the verb and hand its outcome over."""
        with self._scope:
            try:
                result = await self._verb()
            except trio.Cancelled:
                if self._settle():
                    self.future.set_exception(ClosedError(f"the lab was closed while {self.what} was under way"))
                raise
            except BaseException as error:  # noqa: BLE001  # all of it is the caller's, SystemExit of user code included
                self.fail(error)
            else:
                if self._settle():
                    self.future.set_result(result)

    def fail(self, error: BaseException) -> None:
        """Inside: end it with this error."""
        if self._settle():
            self.future.set_exception(error)
        self._scope.cancel()

    def cancel(self) -> None:
        """Inside: stop it; nobody waits for its outcome any more."""
        self._scope.cancel()


class Portal:
    """Owns the thread. ``nursery`` runs what belongs to the lab as a whole."""

    nursery: trio.Nursery

    def __init__(self) -> None:
        self._over = False
        self._process = os.getpid()
        self._under_way: dict[ThreadCall[Any], None] = {}
        self._halted: BaseException | None = None
        self._leave = trio.Event()
        began: Future[trio.lowlevel.TrioToken] = Future()
        # Not anyio's blocking portal, which refuses whoever runs trio already, and waits for interrupted calls.
        self._thread = threading.Thread(target=self._live, args=(began,), name="p2plab real lab", daemon=True)
        self._thread.start()
        try:
            self._token = began.result()
        except BaseException:  # interrupted: nobody will hold this portal
            began.add_done_callback(self._leave_at_once)
            raise

    def _leave_at_once(self, begun: Future[trio.lowlevel.TrioToken]) -> None:
        if begun.exception() is None:
            begun.result().run_sync_soon(self._leave.set)

    def _live(self, began: Future[trio.lowlevel.TrioToken]) -> None:
        """The thread: trio, or why it cannot begin (no file descriptor is left, say), told to whoever waits for it."""
        try:
            trio.run(self._serve, began)
        except BaseException as error:
            if began.done():
                raise
            began.set_exception(error)

    async def _serve(self, began: Future[trio.lowlevel.TrioToken]) -> None:
        async with trio.open_nursery() as self.nursery:
            began.set_result(trio.lowlevel.current_trio_token())
            await self._leave.wait()
            self.nursery.cancel_scope.cancel()

    @property
    def inside(self) -> bool:
        """Whether the caller runs in the lab's thread."""
        return threading.current_thread() is self._thread

    @property
    def alive(self) -> bool:
        """Whether the thread is there."""
        return self._thread.is_alive()

    @property
    def elsewhere(self) -> bool:
        """Whether the thread is in another process, of which this one is a fork: nobody here would ever answer."""
        return os.getpid() != self._process

    @property
    def over(self) -> bool:
        """Whether it has been closed, or is being."""
        return self._over

    def run(self, verb: Callable[P, Awaitable[T]], *args: P.args, **kwargs: P.kwargs) -> T:
        """Block until the verb is done. An interrupt while waiting cancels it."""
        name = getattr(verb, "__name__", "this verb")
        if self.inside:
            raise InsideLabError(
                f"{name} would wait for the lab from inside it; in a handler, validator or scheduled action write "
                f"'await stream.node.{name}(...)' or 'await lab.aio[...].{name}(...)' in an async function"
            )
        call = self._submit(lambda: verb(*args, **kwargs), name)
        try:
            while not call.future.done():
                # An interrupt that comes just before the wait begins does not end it: the wait must be a short one.
                futures.wait([call.future], timeout=GLANCE)
            return call.future.result()
        except BaseException:
            self._withdraw(call)
            raise

    async def arun(self, verb: Callable[P, Awaitable[T]], *args: P.args, **kwargs: P.kwargs) -> T:
        """Await the verb on a loop of asyncio's or trio's; inside the lab it is simply a part of the caller."""
        if self.inside:
            return await verb(*args, **kwargs)
        done = anyio.Event()
        call_soon = _call_soon()
        call = self._submit(lambda: verb(*args, **kwargs), getattr(verb, "__name__", "this verb"))
        call.future.add_done_callback(lambda _: call_soon(done.set))
        try:
            await done.wait()
        except BaseException:
            self._withdraw(call)
            raise
        return call.future.result()

    def call(self, verb: Callable[P, T], *args: P.args, **kwargs: P.kwargs) -> T:
        """Make a call that does not wait, inside the lab."""
        if self.inside:
            return verb(*args, **kwargs)

        async def at_once() -> T:
            return verb(*args, **kwargs)

        call = self._submit(at_once, getattr(verb, "__name__", "this verb"), waits=False)
        try:
            return call.future.result()
        except BaseException:
            self._withdraw(call)
            raise

    def soon(self, action: Callable[[], object]) -> None:
        """Have a call made inside, from any thread and without waiting for it; nothing once the thread is over."""
        if self.elsewhere:
            return
        try:
            self._token.run_sync_soon(action)
        except trio.RunFinishedError:
            return

    def _submit(self, verb: Callable[[], Awaitable[T]], what: str, waits: bool = True) -> ThreadCall[T]:
        call = ThreadCall(verb, what, waits)
        if self._over or self.elsewhere:
            raise ClosedError(CLOSED if self._over else FORKED)
        try:
            self._token.run_sync_soon(self._begin, call)
        except trio.RunFinishedError:
            raise ClosedError(CLOSED) from None
        return call

    def _begin(self, call: ThreadCall[Any]) -> None:
        if self._over:
            call.fail(ClosedError(CLOSED))
        else:
            self.nursery.start_soon(self._perform, call, name=f"p2plab {call.what}")

    async def _perform(self, call: ThreadCall[Any]) -> None:
        if not call.waits:
            await call.perform()
            return
        halted, self._halted = self._halted, None
        if halted is not None:
            call.fail(halted)
            return
        self._under_way[call] = None
        try:
            await call.perform()
        finally:
            del self._under_way[call]

    def halt(self, error: BaseException) -> None:
        """Inside: end every verb under way with this error or, where there is none, the next."""
        if not self._under_way:
            self._halted = error
        for call in list(self._under_way):
            call.fail(error)

    def _withdraw(self, call: ThreadCall[Any]) -> None:
        if call.future.cancel():
            try:
                self._token.run_sync_soon(call.cancel)
            except trio.RunFinishedError:
                return

    def close(self) -> None:
        """End every task and the thread; from another thread than the lab's. Again: nothing."""
        self._over = True
        try:
            self._token.run_sync_soon(self._leave.set)
        except trio.RunFinishedError:  # it is over already
            pass
        self._thread.join()


def _call_soon() -> Callable[[Callable[[], Any]], None]:
    """How another thread can have a function called on the running loop, if that still runs."""
    try:
        loop = asyncio.get_running_loop()
    except RuntimeError:
        token = trio.lowlevel.current_trio_token()

        def on_trio(action: Callable[[], Any]) -> None:
            try:
                token.run_sync_soon(action)
            except trio.RunFinishedError:
                return

        return on_trio

    def on_asyncio(action: Callable[[], Any]) -> None:
        if not loop.is_closed():
            loop.call_soon_threadsafe(action)

    return on_asyncio
