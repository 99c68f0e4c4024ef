"""What admins did about failures, and what people asked them. All other answers are computed."""

from monitoring.models.failure_group import (
    Category,
    FailureGroup,
    FailureNote,
    ReviewedFailure,
    State,
)
from monitoring.models.support_request import SupportMessage, SupportRequest

__all__ = [
    "Category",
    "FailureGroup",
    "FailureNote",
    "ReviewedFailure",
    "State",
    "SupportMessage",
    "SupportRequest",
]
