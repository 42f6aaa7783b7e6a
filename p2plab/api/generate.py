"""Making the blocking faces of the awaited ones, as text.

A module ``aio.py``, or one in a folder ``aio/``, is a source: its classes ``Async...`` are faces whose verbs are
awaited. The module in the same place under ``blocking`` is made of it and committed: ``python p2plab/api/generate.py``
writes it anew, and with ``--check`` it says whether that would change anything. It is a program of its own, which needs
nothing of the package, because the package does not import while one of the two is behind. In a source

- a verb that takes lab time is ``async def``: checks of arguments, plain code, and awaits of ``world.arun(verb, ...)``,
  of the face's own verbs, or of the verbs of a face that one of these gave;
- what takes no lab time stands in a shared base, in the same module or in another one;
- what only one of the two faces has stands in a base of its own: ``AsyncLabOnly`` for one, ``LabOnly`` for the other.

Everything else (a nested ``async def``, an event loop's own functions, an awaited value that is no call) is refused
with its line, since the text without ``await`` would do something else.
"""

from __future__ import annotations

import ast
import re
import sys
from collections.abc import Iterator
from pathlib import Path
from textwrap import indent
from typing import Any, Final

__all__ = ["SourceError", "blocking_name", "blocking_text", "main", "sources", "stale", "write"]

ROOT: Final = Path(__file__).parents[1]
AWAITED, BLOCKING = "aio", "blocking"

# What a name is called in the blocking face; ``Async...`` beside these loses its first five letters.
NAMES: Final = {
    "AsyncStream": "BlockingStream",
    "AsyncStreamOnly": "BlockingStreamOnly",
    "arun": "run",
    "aclose": "close",
    "perform_async": "perform",
    "AsyncIterator": "Iterator",
    "StopAsyncIteration": "StopIteration",
    "__aenter__": "__enter__",
    "__aexit__": "__exit__",
    "__aiter__": "__iter__",
    "__anext__": "__next__",
}
FUNCTIONS: Final = ("perform_async",)  # which a verb may await beside methods
MARK: Final = "commanded"  # the decorator of a verb that is a command too
LOOPS: Final = ("anyio", "asyncio", "trio")

AWAIT: Final = "Awaited "  # begins a paragraph of a docstring that is true of the awaited face alone
WORDS: Final = (("whose verbs are coroutines", "whose verbs return when they are done"),)

HEAD: Final = "# Made of p2plab/{source} by `python p2plab/api/generate.py`: change that file and run it again.\n\n"


class SourceError(Exception):
    """A source has something that cannot be said in a blocking face; names the file, the line, and what it is."""


def sources(root: Path = ROOT) -> Iterator[tuple[Path, Path]]:
    """Every source of the package, and the module that is made of it."""
    for path in sorted(root.rglob("*.py")):
        place = path.relative_to(root)
        if place.name == f"{AWAITED}.py":
            yield path, path.with_name(f"{BLOCKING}.py")
        elif place.parent.name == AWAITED and place.name != "__init__.py":
            yield path, path.parent.with_name(BLOCKING) / place.name


def stale(root: Path = ROOT) -> list[Path]:
    """The modules that are not what their sources make of them."""
    return [
        target
        for source, target in sources(root)
        if not target.exists() or target.read_text(encoding="utf-8") != _made(source, root)
    ]


def write(root: Path = ROOT) -> list[Path]:
    """Write the modules that are not what their sources make of them; returns which those were."""
    changed = stale(root)
    for source, target in sources(root):
        if target in changed:
            target.write_text(_made(source, root), encoding="utf-8")
    return changed


def _made(source: Path, root: Path) -> str:
    return blocking_text(source.read_text(encoding="utf-8"), source.relative_to(root).as_posix())


def blocking_name(name: str) -> str:
    """What a class, verb or function of the awaited face is called in the blocking one."""
    if name in NAMES:
        return NAMES[name]
    return name.removeprefix("Async") if re.match("Async[A-Z]", name) else name


def blocking_text(source: str, place: str) -> str:
    """The blocking module made of a source, which lies at ``place`` within the package. Raises SourceError."""
    module = ast.parse(source)
    text = _Text(source, place)
    faces = [node for node in module.body if isinstance(node, ast.ClassDef) and node.name.startswith("Async")]
    if not faces:
        raise SourceError(f"{place} has no class Async..., so there is no face to make a blocking one of")
    for face in faces:
        _drop_marks(face, text)
        _Face(text, module).visit(face)
    used = {blocking_name(name) for face in faces for name in _names(face)}
    imports, rest = [], []
    shared = []  # what the source binds and the faces use: it is imported from there
    typed = []  # imports under ``if TYPE_CHECKING``
    for node in sorted(module.body, key=lambda node: not isinstance(node, ast.If)):
        if isinstance(node, (ast.Import, ast.ImportFrom)):
            imports += _import(node, used, text)
        elif isinstance(node, ast.If) and ast.unparse(node.test) == "TYPE_CHECKING":
            for inner in node.body:
                if not isinstance(inner, (ast.Import, ast.ImportFrom)):
                    raise text.refused(inner, "under TYPE_CHECKING there may be imports only")
                typed += _import(inner, used, text)
            used |= {"TYPE_CHECKING"} if typed else set()
        elif node in faces:
            rest.append(text.edited(node).rstrip() + "\n")
        elif isinstance(node, (ast.Assign, ast.AnnAssign, ast.ClassDef, ast.FunctionDef)):
            shared += [name for name in _bound(node) if name in used and name != "__all__"]
        elif not (isinstance(node, ast.Expr) and isinstance(node.value, ast.Constant)):
            raise text.refused(node, "a source has imports, constants, functions and classes, and nothing else")
    if shared:
        dotted = "p2plab." + place.removesuffix(".py").replace("/", ".")
        imports.append(f"from {dotted} import {', '.join(sorted(shared, key=_rank))}")
    head = HEAD.format(source=place) + _module_docstring(module, text)
    names = sorted(blocking_name(face.name) for face in faces)
    parts = [head, _sorted(imports)]
    if typed:
        parts.append("if TYPE_CHECKING:\n" + indent(_sorted(typed), "    "))
    parts.append("__all__ = [" + ", ".join(f'"{name}"' for name in names) + "]\n")
    return "\n".join(parts) + "\n\n" + "\n\n".join(rest)


def _drop_marks(face: ast.ClassDef, text: _Text) -> None:
    """Take the marks of commands from a face's verbs: the table reads them in the source."""
    for node in ast.walk(face):
        if isinstance(node, (ast.FunctionDef, ast.AsyncFunctionDef)):
            for mark in [one for one in node.decorator_list if ast.unparse(one).startswith(f"{MARK}(")]:
                text.replace(text.span(mark)[0] - 1, text.starts[mark.end_lineno or 0] + node.col_offset, "")
                node.decorator_list.remove(mark)


class _Text:
    """A source and the edits to it; places are byte offsets, as in ``ast``."""

    def __init__(self, source: str, place: str) -> None:
        self.place = place
        self.lines = [line.encode() for line in source.splitlines(keepends=True)]
        self.starts = [0]
        for line in self.lines:
            self.starts.append(self.starts[-1] + len(line))
        self.data = source.encode()
        self.edits: list[tuple[int, int, bytes]] = []

    def at(self, line: int, column: int) -> int:
        return self.starts[line - 1] + column

    def span(self, node: Any) -> tuple[int, int]:
        """Where a node begins and ends; a class or function with its decorators."""
        first = min([node, *getattr(node, "decorator_list", [])], key=lambda one: one.lineno)
        start = self.at(first.lineno, first.col_offset) - (first is not node)
        return start, self.at(node.end_lineno, node.end_col_offset)

    def replace(self, start: int, end: int, text: str) -> None:
        self.edits.append((start, end, text.encode()))

    def drop_word(self, node: Any, word: str) -> None:
        """Take a word, and the space behind it, from the beginning of a node."""
        start = self.at(node.lineno, node.col_offset)
        found = re.match(rf"{word}[ \t]+".encode(), self.data[start:])
        if found is None:
            raise self.refused(node, f"{word} stands alone on its line")
        self.replace(start, start + found.end(), "")

    def rename(self, start: int, end: int, name: str, pattern: str | None = None) -> None:
        """Give the one ``name`` between two places its name in the blocking face."""
        other = blocking_name(name)
        if other == name:
            return
        found = re.search((pattern or rf"\b{name}\b").encode(), self.data[start:end])
        assert found is not None
        at = start + found.start() + found.group().index(name.encode())
        self.replace(at, at + len(name), other)

    def edited(self, node: ast.AST) -> str:
        """A node's text with the edits in it."""
        start, end = self.span(node)
        out, last = [], start
        for begin, stop, text in sorted(edit for edit in self.edits if start <= edit[0] < end):
            out += [self.data[last:begin], text]
            last = stop
        return b"".join([*out, self.data[last:end]]).decode()

    def refused(self, node: ast.AST, why: str) -> SourceError:
        return SourceError(f"{self.place}, line {getattr(node, 'lineno', 0)}: {why}")


class _Face(ast.NodeVisitor):
    """Walks one face, refuses what cannot be said without ``await``, and notes the edits."""

    def __init__(self, text: _Text, module: ast.Module) -> None:
        self.text = text
        self.outside = {name for node in module.body for name in _bound(node)}
        self.function: ast.AST | None = None

    def visit_ClassDef(self, node: ast.ClassDef) -> None:
        start, _ = self.text.span(node)
        self.text.rename(start, self.text.span(node.body[0])[0], node.name, rf"class\s+{node.name}\b")
        self._docstring(node)
        self.generic_visit(node)

    def visit_AsyncFunctionDef(self, node: ast.AsyncFunctionDef) -> None:
        if self.function is not None:
            raise self.text.refused(node, "a verb may have no async function in it")
        self.text.drop_word(node, "async")
        self._function(node)

    def _function(self, node: ast.FunctionDef | ast.AsyncFunctionDef) -> None:
        start = self.text.at(node.lineno, node.col_offset)
        self.text.rename(start, self.text.span(node.body[0])[0], node.name, rf"def\s+{node.name}\b")
        self._docstring(node)
        outer, self.function = self.function, node
        self.generic_visit(node)
        self.function = outer

    visit_FunctionDef = _function

    def _docstring(self, node: ast.ClassDef | ast.FunctionDef | ast.AsyncFunctionDef) -> None:
        first = node.body[0]
        if isinstance(first, ast.Expr) and isinstance(first.value, ast.Constant) and isinstance(first.value.value, str):
            start, end = self.text.span(first)
            self.text.replace(start, end, _blocking_words(self.text.data[start:end].decode()))

    def visit_Await(self, node: ast.Await) -> None:
        call = node.value
        if not isinstance(call, ast.Call):
            raise self.text.refused(node, "a verb awaits calls of verbs, and nothing else")
        root: ast.expr = call.func
        while isinstance(root, (ast.Attribute, ast.Call, ast.Subscript)):
            root = root.func if isinstance(root, ast.Call) else root.value
        is_method = isinstance(call.func, ast.Attribute) and isinstance(root, ast.Name) and root.id not in self.outside
        is_known = isinstance(call.func, ast.Name) and call.func.id in FUNCTIONS
        if not (is_method or is_known):
            raise self.text.refused(node, f"a verb awaits world.arun(...) or verbs of faces, not {ast.unparse(call)}")
        self.text.drop_word(node, "await")
        self.generic_visit(node)

    def visit_AsyncFor(self, node: ast.AsyncFor | ast.AsyncWith) -> None:
        self.text.drop_word(node, "async")
        self.generic_visit(node)

    visit_AsyncWith = visit_AsyncFor

    def visit_comprehension(self, node: ast.comprehension) -> None:
        if node.is_async:
            raise self.text.refused(node.iter, "write this comprehension as a loop: async for ...")
        self.generic_visit(node)

    def visit_Lambda(self, node: ast.Lambda) -> None:
        if any(isinstance(inner, ast.Await) for inner in ast.walk(node)):
            raise self.text.refused(node, "a lambda cannot await")
        self.generic_visit(node)

    def visit_Name(self, node: ast.Name) -> None:
        self.text.rename(*self.text.span(node), node.id)

    def visit_Attribute(self, node: ast.Attribute) -> None:
        end = self.text.span(node)[1]
        self.text.rename(end - len(node.attr.encode()), end, node.attr)
        self.visit(node.value)

    def visit_Import(self, node: ast.Import | ast.ImportFrom) -> None:
        self.text.replace(*self.text.span(node), "\n".join(_import(node, None, self.text)))

    visit_ImportFrom = visit_Import


def _import(node: ast.Import | ast.ImportFrom, used: set[str] | None, text: _Text) -> list[str]:
    """An import as the blocking module has it, of the names that are used (None: all)."""
    module = node.module if isinstance(node, ast.ImportFrom) else ""
    for name in [module or "", *(alias.name for alias in node.names if not module)]:
        if name.partition(".")[0] in LOOPS:
            raise text.refused(node, f"a verb knows no event loop, so {name} has no place in a source")
    if module == "__future__":
        return ["from __future__ import annotations"]
    found: dict[str, list[str]] = {}  # by the module that they come from; empty: modules themselves
    for alias in node.names:
        name, bound = blocking_name(alias.name), blocking_name(alias.asname or alias.name.partition(".")[0])
        if used is None or bound in used:
            # A source's own classes are in its blocking twin; its shared bases stay where they are.
            parts = [BLOCKING if part == AWAITED and name != alias.name else part for part in (module or "").split(".")]
            found.setdefault(".".join(parts), []).append(name if alias.asname is None else f"{name} as {bound}")
    lines = []
    for origin, names in found.items():
        listed = ", ".join(sorted(names, key=_rank))
        lines.append(f"from {origin} import {listed}" if origin else f"import {listed}")
    return lines


def _sorted(lines: list[str]) -> str:
    """Imports in the order that people expect: the future, the standard library, and p2plab's; long ones folded."""
    groups: dict[int, list[str]] = {}
    for line in sorted(set(lines), key=lambda line: (line.startswith("from"), line)):
        room = line.split()[1].partition(".")[0]
        groups.setdefault({"__future__": 0, "p2plab": 2}.get(room, 1), []).append(_folded(line))
    return "\n\n".join("\n".join(groups[key]) for key in sorted(groups)) + "\n"


def _rank(name: str) -> tuple[int, str]:
    """Names of one import: constants, then classes, then functions."""
    return (0 if name.isupper() and len(name) > 1 else 1 if name[0].isupper() else 2), name


def _folded(line: str) -> str:
    if len(line) <= 112:
        return line
    head, _, names = line.partition(" import ")
    return f"{head} import (\n" + "".join(f"    {name},\n" for name in names.split(", ")) + ")"


def _bound(node: ast.stmt) -> list[str]:
    """The names that a statement of a module binds."""
    if isinstance(node, (ast.ClassDef, ast.FunctionDef, ast.AsyncFunctionDef)):
        return [node.name]
    if isinstance(node, (ast.Import, ast.ImportFrom)):
        return [alias.asname or alias.name.partition(".")[0] for alias in node.names]
    if isinstance(node, ast.If):
        return [name for inner in node.body for name in _bound(inner)]
    targets = node.targets if isinstance(node, ast.Assign) else [node.target] if isinstance(node, ast.AnnAssign) else []
    return [inner.id for target in targets for inner in ast.walk(target) if isinstance(inner, ast.Name)]


def _names(node: ast.AST) -> Iterator[str]:
    for inner in ast.walk(node):
        if isinstance(inner, ast.Name):
            yield inner.id
        elif isinstance(inner, ast.Call) and ast.unparse(inner.func) == "cast" and inner.args:
            yield str(getattr(inner.args[0], "value", ""))


def _module_docstring(module: ast.Module, text: _Text) -> str:
    first = module.body[0]
    if ast.get_docstring(module) is None:
        raise SourceError(f"{text.place} has no docstring")
    start, end = text.span(first)
    return _blocking_words(text.data[start:end].decode()) + "\n"


def _blocking_words(docstring: str) -> str:
    """A docstring's text as the blocking face has it: examples without ``await``, the other names and words."""
    quotes = docstring[-3:]
    kept: list[str] = []
    for paragraph in re.split(r"(\n[ \t]*\n)", docstring):
        if paragraph.strip().startswith(AWAIT):
            if kept and not kept[-1].strip():
                kept.pop()
            if paragraph.endswith(quotes):
                kept.append(paragraph[len(paragraph.rstrip(quotes).rstrip()) :])
        else:
            kept.append(paragraph)
    words = "".join(kept)
    for awaited, blocking in WORDS:
        words = words.replace(awaited, blocking)
    words = "\n".join(_examples(words.split("\n")))
    words = re.sub(r"\b([Aa])n (`*)Async(?=[A-Z])", r"\1 \2Async", words)
    return re.sub(r"\bAsync[A-Z]\w+", lambda name: blocking_name(name[0]), words)


def _examples(lines: list[str]) -> Iterator[str]:
    """Lines of a docstring, its examples without ``await``; a handler that one defines stays as it is."""
    handler = False
    for line in lines:
        code = line.lstrip()
        if code.startswith(">>> "):
            handler = code.startswith(">>> async def ")
        if code.startswith((">>> ", "... ")) and not handler:
            line = re.sub(r"\b(await|async) ", "", line)
        yield line


def main(arguments: list[str]) -> int:
    """The program: 0, or 1 if ``--check`` found a module that is not what its source makes of it."""
    check = arguments == ["--check"]
    if arguments and not check:
        sys.stderr.write("usage: python p2plab/api/generate.py [--check]\n")
        return 2
    changed = stale() if check else write()
    for path in changed:
        sys.stdout.write(f"{'behind its source' if check else 'written'}: {path.relative_to(ROOT.parent)}\n")
    return int(check and bool(changed))


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
