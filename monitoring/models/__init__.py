"""The tables of failure groups, requests for help and daily counts. Daily counts are computed."""

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
