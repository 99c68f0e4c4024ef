"""The page that retires a model's active version, which leaves the model without one."""

from typing import Any

from django.contrib import messages
from django.http import HttpResponse
from django.shortcuts import get_object_or_404, redirect

from config.errors import refusals_in
from models_registry import services
from models_registry.admin.page import model_page
from models_registry.forms.deployment_forms import RetireForm
from models_registry.models import RegisteredModel
from models_registry.visibility import people_who_see
from notifications.models import Kind
from notifications.services import count_of_people


def retire(request: Any, pk: int) -> HttpResponse:
    """Show the effects of retiring, in numbers; a POST retires."""
    model = get_object_or_404(RegisteredModel, pk=pk)
    form = RetireForm(request.POST or None)
    if request.method == "POST" and form.is_valid():
        with refusals_in(form):
            services.retire(model=model, reason=form.cleaned_data["reason"], by=request.user)
            messages.success(request, f"{model} is retired. No version of it is active.")
            return redirect("admin:models_registry_registeredmodel_change", pk)
    return model_page(
        request,
        "retire",
        model,
        title=f"Retire {model}",
        live=model.versions.active().first(),
        people=people_who_see(model).count(),
        told=count_of_people(Kind.RETIREMENT, people_who_see(model)),
        others=RegisteredModel.objects.live().exclude(pk=pk).count(),
        form=form,
        status=422 if form.errors else 200,
    )
