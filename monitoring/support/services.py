"""Operations on requests for help: people ask, admins answer or write first."""

from django.conf import settings
from django.db import transaction
from django.db.models.functions import Now
from django.urls import reverse

from accounts.activity import record
from accounts.models import User
from executions.models import Execution
from monitoring.errors import NothingToAskAbout, NotInThisState, Unreachable
from monitoring.models import FailureGroup, FailureNote, SupportMessage, SupportRequest
from notifications.models import Context, Kind
from notifications.services import notify, notify_admins

State = SupportRequest.State


@transaction.atomic
def ask(*, execution: Execution, text: str, by: User) -> SupportRequest:
    """Send a message from the owner of a finished prediction to all admins, who may see its inputs.
    A thread that was answered or closed is open again. Raises NothingToAskAbout."""
    if not execution.is_finished or execution.user_id != by.pk:
        raise NothingToAskAbout
    request, _ = SupportRequest.objects.get_or_create(execution=execution, defaults={"user": by})
    message = _write(request, by, text, State.OPEN)
    page = reverse("monitoring:request", args=[request.pk])
    notify_admins(
        kind=Kind.SUPPORT_REQUEST,
        cause=f"support message {message.pk}",
        title=f"Support request: {execution.public_id}",
        text=f"{by} asks about {execution.version.model} {execution.version.short_name}:\n"
        f"{message.text}",
        url=page,
        context=Context(model_id=execution.version.model_id, links=(("Answer", page),)),
    )
    record("help asked", by=by, target=execution.public_id)
    return request


@transaction.atomic
def write_to_owner(
    *, execution: Execution, subject: str, text: str, by: User, group: FailureGroup | None = None
) -> SupportMessage:
    """Send a message from an admin to the person whose prediction this is: by mail from the site's
    address with the admin's as Reply-To, and in the product. ``group`` keeps a copy in its
    timeline.

    Raises Unreachable where the person deleted the prediction, may not see its model any more or
    cannot sign in.
    """
    owner = execution.user
    if owner is None or not User.objects.active().filter(pk=owner.pk):
        raise Unreachable
    if not Execution.objects.visible_to(owner).filter(pk=execution.pk).exists():
        raise Unreachable
    request, _ = SupportRequest.objects.get_or_create(execution=execution, defaults={"user": owner})
    message = _write(request, by, text, State.ANSWERED, subject=subject, is_from_admin=True)
    if group is not None:
        FailureNote.objects.create(group=group, execution=execution, by=by, message=message)
    page = reverse("monitoring:support_create", args=[execution.pk])
    notify(
        owner,
        kind=Kind.MESSAGE,
        cause=f"support message {message.pk}",
        title=message.subject,
        text=message.text,
        url=page,
        context=Context(
            model_id=execution.version.model_id,
            reply_to=by.email,
            links=(("Read and reply", page),),
        ),
    )
    record("person contacted", by=by, target=execution.public_id)
    return message


@transaction.atomic
def close(*, request: SupportRequest, by: User) -> SupportRequest:
    """Close the request; a further message of the person opens it again."""
    open_ones = SupportRequest.objects.filter(pk=request.pk).exclude(state=State.CLOSED)
    if not open_ones.update(state=State.CLOSED, updated_at=Now()):
        raise NotInThisState
    record("help closed", by=by, target=request.execution.public_id)
    request.refresh_from_db()
    return request


def subject_about(execution: Execution) -> str:
    return f"About your prediction {execution.public_id}"


def draft_about(execution: Execution, *, by: User) -> str:
    """Return the draft of an admin's message: the person's name and the prediction's ID, nothing
    else."""
    name = execution.user.name if execution.user else ""
    outcome = "did not finish" if execution.status == Execution.Status.FAILED else "is finished"
    return (
        f"Hello{' ' if name else ''}{name},\n\n"
        f"your prediction {execution.public_id} with {execution.version.model} "
        f"{execution.version.short_name} {outcome}. We have looked at it.\n\n\n\n"
        f"{by}\n{settings.SITE_NAME}"
    )


def _write(
    request: SupportRequest,
    by: User,
    text: str,
    state: State,
    *,
    subject: str = "",
    is_from_admin: bool = False,
) -> SupportMessage:
    SupportRequest.objects.filter(pk=request.pk).update(state=state, updated_at=Now())
    request.refresh_from_db()
    return SupportMessage.objects.create(
        request=request,
        by=by,
        is_from_admin=is_from_admin,
        subject=" ".join(subject.split()) or subject_about(request.execution),
        text=text.replace("\r\n", "\n").strip(),
    )
