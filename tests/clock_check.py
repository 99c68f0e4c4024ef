"""`python -m tests.clock_check [FOLDER]`: list every place where a test compares with the current
time; exit code 1 if there is one.

Whether something took long, or is not over yet, depends on the machine. A test counts what causes
the time instead, or stops the clock (`tests/clocks.py`). Rows may be dated by the present time, and
an equal sign may follow: only an order, or a nearness, is a judgement. Stopwatches need no search:
ruff bans them by name in `pyproject.toml`.
"""

import ast
import sys
from collections.abc import Iterator
from pathlib import Path

CLOCKS = {"now", "utcnow", "today", "localdate", "localtime"}
ARITHMETIC = {"abs", "float", "int", "max", "min", "round", "sum"}
ORDERS = (ast.Lt, ast.LtE, ast.Gt, ast.GtE)


class Comparisons(ast.NodeVisitor):
    """Collects the lines of one module's comparisons with the present time, names followed."""

    def __init__(self) -> None:
        self.lines: list[int] = []
        self._moments: set[str] = set()  # names that hold the present time, or a distance to it

    def visit_FunctionDef(self, node: ast.FunctionDef) -> None:
        outside = set(self._moments)
        self.generic_visit(node)
        self._moments = outside

    def visit_Assign(self, node: ast.Assign) -> None:
        self.generic_visit(node)
        for target in node.targets:
            self._assign(target, node.value)

    def visit_AnnAssign(self, node: ast.AnnAssign) -> None:
        self.generic_visit(node)
        self._assign(node.target, node.value)

    def visit_NamedExpr(self, node: ast.NamedExpr) -> None:
        self.generic_visit(node)
        self._assign(node.target, node.value)

    def visit_AugAssign(self, node: ast.AugAssign) -> None:
        if self._is_moment(node.value) and isinstance(node.target, ast.Name):
            self._moments.add(node.target.id)

    def visit_Compare(self, node: ast.Compare) -> None:
        self.generic_visit(node)
        sides = [node.left, *node.comparators]
        is_order = any(isinstance(operator, ORDERS) for operator in node.ops)
        is_near = any(_called(side) == "approx" for side in sides)
        if (is_order or is_near) and any(map(self._is_moment, sides)):
            self.lines.append(node.lineno)

    def _assign(self, target: ast.expr, value: ast.expr | None) -> None:
        if isinstance(target, ast.Tuple) and isinstance(value, ast.Tuple):
            for one, its in zip(target.elts, value.elts, strict=False):
                self._assign(one, its)
        elif isinstance(target, ast.Name):
            change = self._moments.add if self._is_moment(value) else self._moments.discard
            change(target.id)

    def _is_moment(self, node: ast.expr | None) -> bool:
        match node:
            case ast.Name(name):
                return name in self._moments
            case ast.Attribute(value):
                return self._is_moment(value)
            case ast.BinOp(left, _, right):
                return self._is_moment(left) or self._is_moment(right)
            case ast.Call(function, arguments):
                is_sum = _called(node) in {*ARITHMETIC, "approx"}
                return (
                    _called(node) in CLOCKS
                    or self._is_moment(function)
                    or (is_sum and any(map(self._is_moment, arguments)))
                )
        return False


def _called(node: ast.expr) -> str:
    """Return the last name of what is called; "" where nothing is."""
    match node:
        case ast.Call(ast.Name(name)) | ast.Call(ast.Attribute(attr=name)):
            return name
    return ""


def comparisons(folder: Path) -> Iterator[str]:
    for file in sorted(folder.rglob("*.py")):
        found = Comparisons()
        found.visit(ast.parse(file.read_text()))
        yield from (f"{file}:{line}" for line in found.lines)


if __name__ == "__main__":
    places = list(comparisons(Path(*sys.argv[1:2] or ["tests"])))
    for place in places:
        print(f"{place}: a test compares with the present time (see tests/clock_check.py)")
    sys.exit(bool(places))
