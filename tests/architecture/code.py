"""What the architecture tests look for in source text; each finder answers with the lines that offend."""

import ast
from collections.abc import Iterator
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]
PRODUCT = ("microfund", "businesses", "investments", "rewards")


def files(*folders: str, suffix: str = ".py") -> list[Path]:
    """Source files below these folders of the project, without migrations (a history, not a design)."""
    found = [path for folder in folders for path in sorted((ROOT / folder).rglob(f"*{suffix}"))]
    return [path for path in found if "migrations" not in path.parts]


def name_of(path: Path) -> str:
    """A path as it is written in docs: from the project's folder on."""
    return path.relative_to(ROOT).as_posix()


def imports_of(source: str) -> set[str]:
    """The top-level names of every module that is imported anywhere in the text."""
    found: set[str] = set()
    for node in ast.walk(ast.parse(source)):
        if isinstance(node, ast.Import):
            found |= {alias.name.split(".")[0] for alias in node.names}
        elif isinstance(node, ast.ImportFrom) and node.module and not node.level:
            found.add(node.module.split(".")[0])
    return found


def floats(source: str) -> Iterator[int]:
    """Lines with a float literal, the word float (a call, an annotation), or a true division."""
    for node in ast.walk(ast.parse(source)):
        literal = isinstance(node, ast.Constant) and isinstance(node.value, float)
        word = isinstance(node, ast.Name) and node.id == "float"
        if literal or word or (isinstance(node, ast.BinOp | ast.AugAssign) and isinstance(node.op, ast.Div)):
            yield node.lineno


def hundreds(source: str) -> Iterator[int]:
    """Lines that multiply by 100, which is how yen become a hundred times too many."""
    for node in ast.walk(ast.parse(source)):
        if isinstance(node, ast.BinOp) and isinstance(node.op, ast.Mult):
            sides = (node.left, node.right)
        elif isinstance(node, ast.AugAssign) and isinstance(node.op, ast.Mult):
            sides = (node.value,)
        else:
            continue
        if any(isinstance(side, ast.Constant) and side.value == 100 for side in sides):
            yield node.lineno


def delayed_tasks(source: str) -> Iterator[int]:
    """Lines that send a task with an ETA or countdown, or before the commit (`.delay(`, `.apply_async(`)."""
    for node in ast.walk(ast.parse(source)):
        if isinstance(node, ast.keyword) and node.arg in ("eta", "countdown"):
            yield node.value.lineno
        elif isinstance(node, ast.Attribute) and node.attr in ("delay", "apply_async"):
            yield node.lineno


_CLOCKS = {"now", "machine", "utcnow", "today", "localdate", "localtime"}


def clock_reads(source: str) -> Iterator[int]:
    """Lines that ask what time it is: now(), machine(), today(), time(), or today_in() without an instant."""
    for node in ast.walk(ast.parse(source)):
        if not isinstance(node, ast.Call):
            continue
        name = node.func.attr if isinstance(node.func, ast.Attribute) else getattr(node.func, "id", "")
        if name == "today_in":
            if len(node.args) < 2 and not any(keyword.arg == "at" for keyword in node.keywords):
                yield node.lineno
        elif name in _CLOCKS and isinstance(node.func, ast.Attribute):
            # Django's database function Now() is the database's clock and is spelled with a capital.
            yield node.lineno
        elif name == "time" and isinstance(node.func, ast.Attribute) and getattr(node.func.value, "id", "") == "time":
            yield node.lineno


#: What reads the machine's clock, by the name before the dot.
_RAW_CLOCKS = {
    "timezone": {"now", "localdate", "localtime"},
    "datetime": {"now", "utcnow", "today"},
    "date": {"today"},
    "time": {"time", "time_ns", "localtime", "gmtime"},
}


def raw_clocks(source: str) -> Iterator[int]:
    """Lines that read a clock that nobody can move, called or handed on: all but `localtime(of an instant)`."""
    tree = ast.parse(source)
    given = {id(node.func) for node in ast.walk(tree) if isinstance(node, ast.Call) and node.args}
    for node in ast.walk(tree):
        if isinstance(node, ast.Attribute):
            owner = node.value.attr if isinstance(node.value, ast.Attribute) else getattr(node.value, "id", "")
            converts = node.attr in ("localtime", "localdate", "gmtime") and id(node) in given
            if node.attr in _RAW_CLOCKS.get(owner, ()) and not converts:
                yield node.lineno
        elif isinstance(node, ast.ImportFrom) and (node.module or "").split(".")[-1] in _RAW_CLOCKS:
            names = _RAW_CLOCKS[(node.module or "").split(".")[-1]]
            yield from (node.lineno for alias in node.names if alias.name in names)


def without_docstring(source: str) -> Iterator[str]:
    """Public functions and classes at the top of the module that say nothing."""
    tree = ast.parse(source)
    for node in tree.body:
        if not isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef | ast.ClassDef) or node.name.startswith("_"):
            continue
        if ast.get_docstring(node) is None:
            yield node.name
