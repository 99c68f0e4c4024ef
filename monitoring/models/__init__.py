"""What admins did about failures, and what people asked them; and what each day
came to, which is computed and kept."""

from monitoring.models.day import CountedZone, DayTally, DayTotal
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
    "CountedZone",
    "DayTally",
    "DayTotal",
    "FailureGroup",
    "FailureNote",
    "ReviewedFailure",
    "State",
    "SupportMessage",
    "SupportRequest",
]
