"""What can go wrong on a stream."""

from __future__ import annotations

from typing import Literal

from p2plab.errors import LabError

__all__ = ["StreamError", "StreamErrorKind"]

StreamErrorKind = Literal["reset", "closed", "deadline", "protocol not supported", "limit", "cancelled", "refused"]


class StreamError(LabError, ConnectionError):
    """A stream could not be opened, read or written. ``kind`` is one of:

    - ``reset``: it was torn down, by either end or by losing its connection; what was on its way is lost
    - ``closed``: this direction has ended, by ``close``, ``close_read``, ``close_write`` or by the peer's end coming
      before all that was asked for
    - ``deadline``: ``set_deadline``'s time ran out; in a mock lab also that both ends waited to write, for a minute
    - ``protocol not supported``: the peer speaks none of the protocols asked for
    - ``limit``: a stated bound would have been passed; the message names it
    - ``refused``: this end's gate does not let it be opened (``p2plab.admission``)
    - ``cancelled``: this end closed or reset the stream while the call was waiting
    """

    def __init__(self, kind: StreamErrorKind, message: str) -> None:
        super().__init__(message)
        self.kind: StreamErrorKind = kind
