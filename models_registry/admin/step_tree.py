"""The steps of a pipeline as a tree, for the diagram on a version's page. Pure.

An inspection reports each step with its path, `preprocess.numbers.scale`, in the order in which
the columns pass them. The parts of a path are names that a person chose and may contain a point,
so the parent of a step is the longest earlier path that its own path begins with.
"""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field

from model_host.protocol.examination import Step

SHOWN = 8
"""The number of columns shown beside a step before the rest is folded."""
DEEPEST = 12
"""The maximum nesting of steps; a deeper one is shown beside the last of them."""


@dataclass
class StepNode:
    """One step: its name, its class, and the columns that reach it. ``is_all``: the columns are all
    inputs of the model, so they are not listed."""

    path: str
    name: str
    estimator: str
    columns: tuple[str, ...] = ()
    is_all: bool = False
    depth: int = 1
    children: list["StepNode"] = field(default_factory=list)

    @property
    def shown(self) -> tuple[str, ...]:
        """The first columns; none if inner steps list them."""
        return () if self.is_all or self.children else self.columns[:SHOWN]

    @property
    def folded(self) -> tuple[str, ...]:
        return () if self.is_all or self.children else self.columns[SHOWN:]


def step_tree(steps: Iterable[Step], inputs: int) -> list[StepNode]:
    """Return the outermost steps in order, each with those inside it. ``steps`` as an examination
    reports them; ``inputs`` is how many the model takes."""
    roots: list[StepNode] = []
    known: dict[str, StepNode] = {}
    for step in steps:
        above = _above(step.path, known)
        name = step.path[len(above.path) + 1 :] if above else step.path
        depth = above.depth + 1 if above else 1
        is_all = len(step.columns) == inputs > 1
        node = StepNode(step.path, name, step.estimator, step.columns, is_all, depth)
        (above.children if above else roots).append(node)
        if depth < DEEPEST:
            known[step.path] = node
    return roots


def _above(path: str, known: Mapping[str, StepNode]) -> StepNode | None:
    """The step that this one is part of: the longest path before the last points."""
    while "." in path:
        path = path.rpartition(".")[0]
        if path in known:
            return known[path]
    return None
