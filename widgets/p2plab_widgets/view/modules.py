"""One module for the browser out of several that lie beside the Python: a notebook loads one, and there is no build.

The files are ES modules that a browser or Node could load as they are. Here each becomes a function that is called
once and gives what the module exports, in the order in which they need each other. What is understood:

    import { a, b as c } from "./other.js";            at the start of a line; relative paths only
    export function f / class C / const a / let a      and async function, at the start of a line
    export default expression;                         in the entry
"""

from __future__ import annotations

import re
from functools import cache
from pathlib import Path
from typing import Final

_IMPORT: Final = re.compile(r'^import\s*\{([^}]*)\}\s*from\s*"(\.{1,2}/[^"]+)";[^\n]*$', re.MULTILINE)
_EXPORT: Final = re.compile(r"^export\s+((?:async\s+)?function\*?|class|const|let)\s+([A-Za-z_$][\w$]*)", re.MULTILINE)
_DEFAULT: Final = re.compile(r"^export\s+default\s+", re.MULTILINE)
_OTHER: Final = re.compile(r"^(?:import|export)\b.*$", re.MULTILINE)


@cache
def bundle(entry: Path) -> str:
    """The entry and all it imports, as one ES module with the entry's exports. ValueError for what is not understood
    and for modules that import each other in a circle."""
    parts: list[str] = []
    _add(entry.resolve(), parts, {}, ())
    return "\n".join(parts)


CSS: Final = tuple(Path(__file__).parent / name for name in ("view.css", "bar.css"))
"""What all views share."""


def styles(*paths: Path) -> str:
    """Style sheets, one after the other."""
    return "\n".join(path.read_text(encoding="utf-8") for path in paths)


def _add(path: Path, parts: list[str], names: dict[Path, str], above: tuple[Path, ...]) -> str:
    if path in above:
        raise ValueError(f"{path.name} imports itself through {', '.join(one.name for one in above)}")
    if path in names:
        return names[path]
    text = path.read_text(encoding="utf-8")
    heads = []
    for given, where in _IMPORT.findall(text):
        other = _add((path.parent / where).resolve(), parts, names, (*above, path))
        taken = ", ".join(": ".join(name.split(" as ")) for name in map(str.strip, given.split(",")) if name)
        heads.append(f"const {{ {taken} }} = {other};")
    body = _IMPORT.sub("", text)
    exported = [name for _, name in _EXPORT.findall(body)]
    body = _EXPORT.sub(r"\1 \2", body)
    is_entry = not above
    if is_entry:
        body = _DEFAULT.sub("const $default = ", body)
        exported += ["$default"] if "const $default = " in body else []
    left = _OTHER.search(body)
    if left:
        raise ValueError(f"{path.name}: a line that the bundle does not understand: {left.group().strip()!r}")
    name = names[path] = f"$module{len(names)}"
    parts.append(f"// {path.name}\nconst {name} = (() => {{\n" + "\n".join(heads))
    parts.append(body.strip())
    parts.append(f"return {{ {', '.join(exported)} }};\n}})();")
    if is_entry:
        parts += [f"export const {one} = {name}.{one};" for one in exported if one != "$default"]
        if "$default" in exported:
            parts.append(f"export default {name}.$default;")
    return name
