"""Code for the notebook: a cell of it, put there by the kernel."""

from __future__ import annotations


def put_into_notebook(code: str) -> tuple[str, str]:
    """Have a cell with this code appear; a line for the log says what becomes of it.

    A kernel hands cells over with the answer to a cell, so it appears below the next one that runs.
    """
    if not code.strip():
        return ("note", "nothing was done here yet, so there is nothing to put into a cell")
    try:
        from IPython import get_ipython
    except ImportError:
        return ("error", "there is no notebook here to put a cell into; copy the lines instead")
    shell = get_ipython()
    if shell is None or not hasattr(shell, "kernel"):
        return ("error", "there is no notebook here to put a cell into; copy the lines instead")
    shell.set_next_input(code, replace=False)
    lines = len(code.splitlines())
    return ("note", f"a cell with {lines} line{'s' * (lines != 1)} appears below the next cell you run")
