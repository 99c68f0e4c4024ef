"""The rule on library versions: the same major.minor is accepted, another minor that loads needs an
admin's confirmation, another major is refused. Pure."""

from collections.abc import Mapping
from dataclasses import dataclass


@dataclass(frozen=True)
class LibraryDifference:
    """A library that a model was trained with in another major or minor version."""

    library: str
    trained: str
    running: str

    @property
    def is_major(self) -> bool:
        return self.trained.split(".")[0] != self.running.split(".")[0]

    def __str__(self) -> str:
        return f"{self.library} {self.trained} trained, {self.running} running"


def library_differences(
    trained: Mapping[str, str], running: Mapping[str, str]
) -> tuple[LibraryDifference, ...]:
    """Return the libraries that differ, by name. One that is not installed here is not compared:
    the load showed whether the model needs it."""
    return tuple(
        LibraryDifference(library, version, running[library])
        for library, version in sorted(trained.items())
        if running.get(library) and version.split(".")[:2] != running[library].split(".")[:2]
    )
