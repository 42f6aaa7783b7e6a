"""docs/drop-in.md: code written against another package's modules runs here, once their names are replaced."""

from __future__ import annotations

import re
from importlib import import_module
from pathlib import Path

import pytest

PAGE = (Path(__file__).parents[2] / "docs" / "drop-in.md").read_text(encoding="utf-8")
ROW = re.compile(r"^\| `(ipfs_kit_py[\w.]*)` \| `(p2plab[\w.]*)` \| (.*) \|$", re.MULTILINE)
MODULES = [(there, here, re.findall(r"`(\w+)`", names)) for there, here, names in ROW.findall(PAGE)]
CODE = re.findall(r"```python\n(.*?)```", PAGE, re.DOTALL)


def replaced(code: str) -> str:
    """The code with the modules of the table's right column; the longest names first, which begin with others."""
    for there, here, _ in sorted(MODULES, key=lambda row: -len(row[0])):
        code = re.sub(rf"\bfrom {re.escape(there)} import\b", f"from {here} import", code)
    return code


@pytest.mark.parametrize(("here", "names"), [row[1:] for row in MODULES], ids=[row[1] for row in MODULES])
def test_the_names_are_where_the_table_says(here: str, names: list[str]) -> None:
    module = import_module(here)
    assert [name for name in names if not hasattr(module, name)] == []


def test_code_written_against_the_other_modules_runs() -> None:
    assert len(MODULES) == 7
    assert sum("from ipfs_kit_py" in code for code in CODE) == 3
    names: dict[str, object] = {"__name__": "drop-in"}
    for number, code in enumerate(CODE):
        assert "ipfs_kit_py.libp2p" not in replaced(code)
        exec(compile(replaced(code), f"<drop-in {number}>", "exec"), names)
    assert names["heard"] == ["hello"]
