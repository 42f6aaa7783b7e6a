"""Validators are asked in turn, and those that take time are waited for in a task of the world's."""

from __future__ import annotations

import inspect
from collections.abc import Callable, Sequence
from typing import Any

from p2plab.pubsub.message import Message
from p2plab.pubsub.validation import REJECT, TopicValidator, ValidationTally
from p2plab.text import RAISABLE
from p2plab.typing import Runtime

MAX_VALIDATING = 1_024  # messages of a node in validation at once; go-libp2p-pubsub's default number of validations


class ValidationQueue:
    """Asks validators in turn: at once as long as they answer at once, in a task of the world's from the first that
    does not. ``raised(validator, error, message)`` is told what a validator raised, and gives the event that
    records it. ``node`` names the stream of random numbers that validators draw from."""

    def __init__(
        self, runtime: Runtime, raised: Callable[[TopicValidator, BaseException, Message], int], node: str = ""
    ) -> None:
        self._runtime = runtime
        self._raised = raised
        self._node = node
        self.pending = 0

    def judge(
        self,
        validators: Sequence[TopicValidator],
        message: Message,
        conclude: Callable[[ValidationTally], None],
        slow: Callable[[], None],
    ) -> None:
        """Call ``conclude`` with the verdict, now or later; where it will be later, ``slow`` is called now."""
        verdict, waiting, draw = ValidationTally(), list(validators), self._runtime.random(f"validation/{self._node}")
        answer: Any = None
        while waiting and verdict.result is not REJECT and not waiting[0].delay:
            try:
                answer = waiting[0].answer(message, draw)
                if inspect.isawaitable(answer):
                    break
                verdict.add(answer)
            except RAISABLE as error:
                verdict.raised(self._raised(waiting[0], error, message))
            del waiting[0]
            answer = None
        if not waiting or verdict.result is REJECT:
            conclude(verdict)
        elif self.pending >= MAX_VALIDATING:
            if inspect.iscoroutine(answer):
                answer.close()
            verdict.too_many()
            conclude(verdict)
        else:
            self._later(waiting, answer, message, verdict, conclude)
            slow()

    def _later(
        self,
        validators: list[TopicValidator],
        answer: Any,
        message: Message,
        verdict: ValidationTally,
        conclude: Callable[[ValidationTally], None],
    ) -> None:
        self.pending += 1

        async def finish() -> None:
            try:
                await self._ask(validators, answer, message, verdict)
            finally:
                self.pending -= 1
            conclude(verdict)

        self._runtime.spawn(finish, f"validation of a message on {message.topic!r}")

    async def _ask(
        self, validators: list[TopicValidator], answer: Any, message: Message, verdict: ValidationTally
    ) -> None:
        draw = self._runtime.random(f"validation/{self._node}")
        for validator in validators:
            try:
                if answer is None:
                    if validator.delay:
                        await self._runtime.sleep(validator.wait(self._runtime.now(), draw))
                    answer = validator.answer(message, draw)
                verdict.add(await answer if inspect.isawaitable(answer) else answer)
            except RAISABLE as error:
                verdict.raised(self._raised(validator, error, message))
            answer = None
            if verdict.result is REJECT:
                return
