"""The event log as a pandas DataFrame."""

from __future__ import annotations

from typing import TYPE_CHECKING

from p2plab.errors import MissingExtraError
from p2plab.events.event import COLUMNS

if TYPE_CHECKING:
    import pandas

    from p2plab.events.reading import LogReader


def to_frame(log: LogReader) -> pandas.DataFrame:
    """One row an event, one column a field; unset fields are None."""
    try:
        import pandas
    except ImportError as error:
        raise MissingExtraError("to_pandas needs pandas: pip install pandas") from error
    rows = [[getattr(event, column) for column in COLUMNS] for event in log]
    return pandas.DataFrame(rows, columns=list(COLUMNS))
