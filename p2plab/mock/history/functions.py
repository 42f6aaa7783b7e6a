"""A pickler for what a user wrote in a notebook or a test, which cannot be imported.

cloudpickle 3.1.3 and later forget which file a function's code came from. It is put back: a history prints the source
of the functions in it, and an error in one says where it stands.
"""

from __future__ import annotations

from collections import ChainMap
from collections.abc import Callable
from types import CodeType
from typing import Any, ClassVar

import cloudpickle

__all__ = ["FunctionPickler"]

Make = Callable[..., CodeType]


def _placed(make: Make, parts: tuple[Any, ...], filename: str) -> CodeType:
    return make(*parts).replace(co_filename=filename)


def _reduced(code: CodeType) -> tuple[Any, ...]:
    make, parts, *_ = cloudpickle.Pickler.dispatch_table[CodeType](code)
    return _placed, (make, parts, code.co_filename)


class FunctionPickler(cloudpickle.Pickler):  # type: ignore[misc]  # cloudpickle is not annotated
    """cloudpickle's, whose functions know their file. Imported on first use: cloudpickle takes a while."""

    dispatch_table: ClassVar[Any] = ChainMap({CodeType: _reduced}, cloudpickle.Pickler.dispatch_table)
