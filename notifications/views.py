"""Views of notifications: the list, the bell of an open page, and the preferences."""

from django.contrib import messages
from django.contrib.auth.decorators import login_not_required
from django.http import Http404, HttpRequest, HttpResponse
from django.shortcuts import get_object_or_404, redirect, render
from django.utils.http import url_has_allowed_host_and_scheme
from django.views.decorators.cache import never_cache
from django.views.decorators.csrf import csrf_exempt
from django.views.decorators.http import require_GET, require_http_methods, require_POST

from accounts.requests import SignedInRequest
from config.keyset import PAGE_SIZE
from config.text.numbers import whole_number
from notifications import services
from notifications.announcements import announced_to
from notifications.bell import bell_of, news_since
from notifications.models import Notification, NotificationQuerySet
from notifications.preferences import NAMES, choices_of, choose, read_token, switch_off_mail


@require_GET
def notification_list(request: SignedInRequest) -> HttpResponse:
    only_unread = "unread" in request.GET
    rows = _own(request).unread() if only_unread else _own(request)
    before = whole_number(request.GET.get("before", ""))
    if before is not None:
        rows = rows.filter(pk__lt=before)
    page = list(rows.order_by("-id")[: PAGE_SIZE + 1])
    shown = page[:PAGE_SIZE]
    which = "unread=1&" if only_unread else ""
    context = {
        "notifications": shown,
        "only_unread": only_unread,
        "bell": bell_of(request.user),
        "count": _own(request).count(),
        "pager": {
            "text": f"{len(shown)} shown, newest first",
            "newer_url": f"?{which}" if before is not None else "",
            "older_url": f"?{which}before={shown[-1].pk}" if len(page) > PAGE_SIZE else "",
        },
    }
    return render(request, "notifications/notification_list.html", context)


@never_cache
@require_GET
def news(request: SignedInRequest) -> HttpResponse:
    """Return the changes since an open page had ``state``: none (204), or the bell and what is
    new."""
    state = request.GET.get("state", "")
    bell = bell_of(request.user)
    if bell.state == state:
        return HttpResponse(status=204)
    context = {"bell": bell, "notifications": news_since(request.user, state)}
    return render(request, "notifications/_news.html", context)


@require_POST
def read_all(request: SignedInRequest) -> HttpResponse:
    services.mark_read(_own(request))
    return redirect("notifications:list")


@require_POST
def read(request: SignedInRequest, pk: int) -> HttpResponse:
    """Mark one notification read, from its button in the list or through its link."""
    services.mark_read(_one(request, pk))
    return _back(request)


@require_POST
def dismiss(request: SignedInRequest, pk: int) -> HttpResponse:
    """Dismiss the announcement of a page and the earlier ones, only about its model if the page is
    a model's."""
    get_object_or_404(_own(request), pk=pk)
    news = announced_to(request.user, model_id=whole_number(request.POST.get("model", "")))
    services.dismiss(news.filter(pk__lte=pk))
    return _back(request)


@require_http_methods(["GET", "POST"])
def preferences(request: SignedInRequest) -> HttpResponse:
    if request.method == "GET":
        context = {"choices": choices_of(request.user)}
        return render(request, "notifications/preferences.html", context)
    choose(user=request.user, on=set(request.POST.getlist("on")))
    messages.success(request, "Saved.")
    return redirect("notifications:preferences")


@csrf_exempt  # the token in the address authorises; mail programs post here by themselves
@login_not_required
@never_cache
@require_http_methods(["GET", "POST"])
def switch_off(request: HttpRequest, token: str) -> HttpResponse:
    """Switch off one kind by e-mail, from a link in a mail (RFC 8058); a GET changes nothing."""
    found = read_token(token)
    if found is None:
        raise Http404
    user, kind = found
    if request.method == "POST":
        switch_off_mail(user=user, kind=kind)
    context = {"person": user, "notices": NAMES[kind], "is_done": request.method == "POST"}
    return render(request, "notifications/switch_off.html", context)


def _own(request: SignedInRequest) -> NotificationQuerySet:
    return Notification.objects.shown_to(request.user)


def _one(request: SignedInRequest, pk: int) -> NotificationQuerySet:
    get_object_or_404(_own(request), pk=pk)
    return _own(request).filter(pk=pk)


def _back(request: SignedInRequest) -> HttpResponse:
    """Return the redirect to the page that sent the request, if it is one of ours; a script gets no
    redirect."""
    if "HX-Request" in request.headers:
        return HttpResponse(status=204)
    page = request.POST.get("next", "")
    is_ours = page.startswith("/") and url_has_allowed_host_and_scheme(page, allowed_hosts=None)
    return redirect(page if is_ours else "notifications:list")
