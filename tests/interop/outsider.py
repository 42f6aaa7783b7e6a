"""A node of another implementation in a process of its own: JSON lines in, JSON lines out (see js/node.js)."""

from __future__ import annotations

import base64
import json
import signal
import subprocess
import threading
from collections.abc import Sequence
from pathlib import Path
from typing import Any, Final

PATIENCE: Final = 30.0  # seconds after which what was waited for will not come any more


class Outsider:
    """``peer_id`` and ``addresses`` are what it says of itself; its verbs are those of its program.

    ``more``: what makes it hard to talk to, as js/node.js lists it.
    """

    def __init__(
        self,
        command: Sequence[str],
        listen: Sequence[str],
        kad: str,
        folder: Path,
        security: str = "noise",
        muxer: str = "yamux",
        key: str = "Ed25519",
        **more: Any,
    ) -> None:
        asked = {"listen": list(listen), "kad": kad, "security": security, "muxer": muxer, "key": key, **more}
        argument = json.dumps(asked)
        self._process = subprocess.Popen(
            [*command, argument], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True, cwd=folder
        )
        self._said: list[dict[str, Any]] = []
        self._news = threading.Condition()
        self._over = False
        self._asked = 0
        self._reader = threading.Thread(target=self._read, name="reading an outsider", daemon=True)
        self._reader.start()
        try:
            ready = self.wait_for(event="ready")
        except AssertionError:
            self.end()
            raise
        self.peer_id: str = ready["peer_id"]
        self.addresses: list[str] = ready["addresses"]

    def _read(self) -> None:
        assert self._process.stdout is not None
        for line in self._process.stdout:
            with self._news:
                self._said.append(json.loads(line))
                self._news.notify_all()
        with self._news:
            self._over = True
            self._news.notify_all()

    def wait_for(self, **wanted: Any) -> dict[str, Any]:
        """The first line that has these values, once it has come. AssertionError if it does not."""

        def found() -> dict[str, Any] | None:
            matching = (said for said in self._said if wanted.items() <= said.items())
            return next(matching, {} if self._over else None)

        with self._news:
            self._news.wait_for(lambda: found() is not None, PATIENCE)
            said = found()
        assert said, f"it never said {wanted}; it said {self._said[-5:]}"
        return said

    def do(self, verb: str, **arguments: Any) -> Any:
        """The result of a verb. AssertionError where it fails."""
        assert self._process.stdin is not None
        self._asked += 1
        number = self._asked
        self._process.stdin.write(json.dumps({"id": number, "do": verb, **arguments}) + "\n")
        self._process.stdin.flush()
        answer = self.wait_for(id=number)
        assert "error" not in answer, f"{verb}: {answer['error']}"
        return answer["result"]

    def hang(self) -> None:
        """Stop it without ending it: its ports stay open, and it says nothing any more."""
        self._process.send_signal(signal.SIGSTOP)

    def end(self) -> None:
        """End it, whatever it does."""
        assert self._process.stdin is not None
        assert self._process.stdout is not None
        self._process.kill()
        self._process.wait()
        self._reader.join()
        self._process.stdin.close()
        self._process.stdout.close()


def packed(data: bytes) -> str:
    """Data as it crosses the line."""
    return base64.b64encode(data).decode()


def unpacked(text: str) -> bytes:
    """The same the other way round."""
    return base64.b64decode(text)
