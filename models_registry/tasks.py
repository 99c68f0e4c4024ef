"""Celery tasks that hand inspections, rehearsals and deployments of models to Prefect."""

from celery import shared_task

from engine import gateway, wakeup
from engine.errors import PrefectUnavailable
from models_registry.models import Feature, RegisteredModel
from models_registry.sweep import dispatch, sweep


@shared_task(ignore_result=True)
def submit_flow_run(noun: str, pk: int) -> None:
    """Dispatch an "inspection" or a "rehearsal"."""
    try:
        dispatch(noun, pk)
    except PrefectUnavailable:
        return  # the row is still queued, and the sweep finds it


@shared_task(ignore_result=True)
def sweep_flow_runs() -> None:
    sweep()


@shared_task(ignore_result=True)
def warm_version(version_id: int) -> None:
    """Have the workers open the version now, so that it is warm for the first prediction."""
    wakeup.warm(version_id)


@shared_task(ignore_result=True, autoretry_for=(PrefectUnavailable,), retry_backoff=2)
def sync_prefect_deployment(model_id: int) -> None:
    """Create or update the model's Prefect deployment, with its active version's inputs as
    parameters."""
    model = RegisteredModel.objects.filter(pk=model_id).first()
    if model is None:
        return
    schema = Feature.objects.filter(version__model=model, version__status="active").as_schema()
    deployment_id = gateway.ensure_deployment(
        flow="predict",
        deployment=model.slug,
        entrypoint="flows.predict.predict",
        parameter_schema=schema.json_schema(),
        description=model.description,
        tags=("prediction",),
    )
    RegisteredModel.objects.filter(pk=model.pk).update(prefect_deployment_id=deployment_id)
