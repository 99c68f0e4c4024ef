"""The personal data of this app: messages between a person and the admins."""

from django.db.models import Q

from accounts.models import User
from accounts.privacy.personal_data import Part, Row, register
from executions.models import Execution
from monitoring.models import SupportMessage
from notifications.models import Kind, Notification


def _rows(user: User) -> list[Row]:
    """The person's own words stay theirs where the model is hidden from them now; what admins
    answered is about the model."""
    messages = SupportMessage.objects.filter(
        Q(request__execution__in=Execution.objects.own_of(user)) | Q(is_from_admin=False),
        request__user=user,
    ).select_related("request__execution")
    return [
        {
            "prediction": message.request.execution.public_id,
            "at": message.at,
            "from": "administrator" if message.is_from_admin else "you",
            "subject": message.subject,
            "text": message.text,
        }
        for message in messages
    ]


def _erase(user: User) -> None:
    """Remove the text of the person's messages; the empty thread stays for the timeline of the
    failure."""
    messages = SupportMessage.objects.filter(request__user=user)
    causes = [f"support message {pk}" for pk in messages.values_list("pk", flat=True)]
    Notification.objects.filter(kind=Kind.SUPPORT_REQUEST, cause__in=causes).delete()
    messages.update(text="", subject="")
    user.support_messages.update(by=None)
    user.support_requests.update(user=None)


register(Part("messages", _rows, _erase))
