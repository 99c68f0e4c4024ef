"""The tables of executions, their attempts and explanations, of batches and of files with rows."""

from executions.models.attempt import Attempt, Explanation
from executions.models.batch import Batch, BatchChunk
from executions.models.execution import TOOK, Execution, ExecutionQuerySet
from executions.models.rows_file import RowsFile, RowsFilePiece

__all__ = [
    "TOOK",
    "Attempt",
    "Batch",
    "BatchChunk",
    "Execution",
    "ExecutionQuerySet",
    "Explanation",
    "RowsFile",
    "RowsFilePiece",
]
