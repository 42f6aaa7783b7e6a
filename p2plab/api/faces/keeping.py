"""What remains of a lab's run: its history, a snapshot, a file for others, the home of a real lab."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, cast

from p2plab.api.faces.basis import LabBasis, N
from p2plab.errors.checked import flag
from p2plab.typing import LabHome
from p2plab.worlds import OpenWorld

if TYPE_CHECKING:
    from os import PathLike
    from pathlib import Path

    from p2plab.mock.history.snapshot import Snapshot

__all__ = ["LabKeeping"]


class LabKeeping(LabBasis[N]):
    """The verbs that put a run away, which both faces of a lab have."""

    @property
    def home(self) -> LabHome | None:
        """What is in the directory that a real lab was given as its ``home``; None where it was given none."""
        return None if self.backend != "real" else cast("OpenWorld", self._world).home_contents

    def save(
        self,
        path: str | PathLike[str],
        *,
        addresses: bool = False,
        player: bool | None = None,
        failed: str | BaseException | None = None,
    ) -> Path:
        """Write the run to a file that others can open: ``lab.save("bug.p2plab")``, ``p2plab.open("bug.p2plab")``.

        It holds the seed, the settings, every command, the event log, the versions, a page that plays the run in a
        browser and, of a real lab, the run as Python on py-libp2p alone; data only, so that nothing runs by being
        opened. A function of your own is written as ``module:name`` where it can be imported, else as its source.
        Kept keys are never in it, and instead of addresses of machines outside there are names.

        Args:
            path: the file, which takes the place of one that is there
            addresses: whether addresses of machines outside a real lab are to be in it
            player: whether the page is to be in it; left out, where the widgets are installed and there are at most
                50,000 events
            failed: what went wrong, as text or the error itself: ``p2plab.open(path, until="failure")`` goes there

        Returns:
            The path.

        Raises:
            ConfigurationError: it cannot be written; what was there before is then as it was.
            MissingExtraError: the page is asked for, without the extra ``lab``.

        Example:
            >>> path = lab.save(folder / "bug.p2plab")
            >>> again = p2plab.open(path)
            >>> again.events.digest() == lab.events.digest()
            True
        """
        written: Path = self._runs.save(self._world, path, flag(addresses, "addresses"), player, failed)
        return written

    def manifest(self) -> dict[str, Any]:
        """Say what this run is: versions, model, seed, settings, time, digest, platform, as plain JSON.

        Example:
            >>> lab.manifest()["seed"], lab.manifest()["backend"]
            (7, 'mock')
        """
        said: dict[str, Any] = self._world.read(self._runs.manifest, self._world)
        return said

    def _peer_ids(self) -> dict[str, str]:
        return {name: str(host.peer_id) for name, host in self._world.read(self._world.hosts).items()}

    def history(self) -> Any:
        """Give the commands that the lab was given so far, with their times.

        A mock lab keeps all of them, since they are the run: some 450 bytes each, so 0.45 GB for a million ``publish``
        from outside. What ``lab.at`` and ``lab.every`` do is one command, however often it happens. A real lab keeps
        the newest 10,000.

        Returns:
            Of a mock lab a History: ``print`` shows it as Python, and ``Lab.replay`` does it again. Of a real one a
            RealHistory, whose ``as_libp2p_script()`` is a program that does the same on py-libp2p alone, for a bug
            report.

        Example:
            >>> print(lab.history())
            from p2plab import Lab
            <BLANKLINE>
            lab = Lab(seed=7)
            lab.start_node('alice')
            lab.start_node('bob')
            lab.start_node('carol')
            lab.wire([('alice', 'bob'), ('bob', 'carol')])
        """
        return self._world.history()

    def snapshot(self) -> Snapshot:
        """Take a mock lab as it stands, to be saved and restored.

        Returns:
            The Snapshot: the recipe of the run, and its state if that can be written (``snapshot.obstacle`` says what
            stood in the way).

        Raises:
            SnapshotError: neither can be written.
            NotInThisWorldError: in a real lab.

        Example:
            >>> snapshot = lab.snapshot()
            >>> carol.crash()
            >>> Lab.restore(snapshot)["carol"].running
            True
        """
        snapshot: Snapshot = self._simulated("lab.snapshot", "lab.events.save(path) keeps what happened").snapshot()
        return snapshot
