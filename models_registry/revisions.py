"""A version's configuration as rows, and the numbered revisions of every saved state."""

from accounts.models import User
from models_registry.inputs.configuration import Configuration, with_edits_of
from models_registry.models import Feature, InputRule, ModelVersion, Revision, Target

PROPOSED = "Proposed from the file"


def configuration_of(version: ModelVersion) -> Configuration:
    """Return the current inputs, answers and rules. Three queries."""
    return Configuration(
        tuple(feature.spec for feature in version.features.order_by("position")),
        tuple(target.spec for target in version.targets.order_by("position")),
        tuple(rule.spec for rule in version.rules.order_by("position", "pk")),
    )


def write_configuration(version: ModelVersion, configuration: Configuration) -> None:
    """Write ``configuration`` into the rows; rows of inputs that remain keep their ids."""
    rows = {feature.name: feature for feature in version.features.all()}
    wanted = [
        Feature.from_spec(version, position, spec)
        for position, spec in enumerate(configuration.features)
    ]
    gone = rows.keys() - {feature.name for feature in wanted}
    version.features.filter(name__in=gone).delete()
    changed: dict[str, list[Feature]] = {}
    for feature in wanted:
        stands = rows.get(feature.name)
        feature.pk = stands.pk if stands else None
        for name in _columns_apart(stands, feature) if stands else ():
            changed.setdefault(name, []).append(feature)
    for name, features in changed.items():
        Feature.objects.bulk_update(features, [name], batch_size=500)
    Feature.objects.bulk_create(row for row in wanted if row.pk is None)
    version.targets.all().delete()
    Target.objects.bulk_create(
        Target.from_spec(version, position, spec)
        for position, spec in enumerate(configuration.targets)
    )
    version.rules.all().delete()
    InputRule.objects.bulk_create(
        InputRule.from_spec(version, position, spec)
        for position, spec in enumerate(configuration.rules)
    )


def _columns_apart(one: Feature, other: Feature) -> list[str]:
    """The columns in which two rows differ, since a save changes few of thousands of inputs."""
    names = [f.name for f in Feature._meta.concrete_fields if f.name not in {"id", "version"}]
    pairs = {name: (getattr(one, name), getattr(other, name)) for name in names}
    return [
        name
        for name, (value, wanted) in pairs.items()
        if value != wanted or isinstance(value, bool) != isinstance(wanted, bool)
    ]


def write_revision(
    version: ModelVersion, configuration: Configuration, changes: list[str], by: User | None
) -> Revision:
    """Record this state of the configuration under the version's current revision number."""
    return Revision.objects.create(
        version=version,
        number=version.revision,
        configuration=configuration.to_json(),
        changes=changes,
        by=by,
    )


def write_new_revision(version: ModelVersion, changes: list[str], by: User | None) -> None:
    """Begin a new revision of the unchanged configuration, so that earlier tests no longer
    count."""
    version.revision += 1
    version.save(update_fields=["revision"])
    write_revision(version, configuration_of(version), changes, by)


def served_by_another(former: str, runtime: str) -> str:
    """Return the change of a version's runtime, in words."""
    return f"Served by scikit-learn {runtime} instead of {former}"


def take_proposal(
    version: ModelVersion, proposal: Configuration, by: User | None, *, former: str
) -> None:
    """Write an inspection's proposal. Edits of people in an earlier revision stay; a proposal that
    changes anything is a new revision, so that earlier tests no longer count, and so is another
    runtime than the ``former`` one."""
    version = ModelVersion.objects.select_for_update().get(pk=version.pk)
    latest = version.revisions.first()
    if latest is None:
        write_configuration(version, proposal)
        source = version.takes_over
        taken = [f"Taken over from {source.short_name} what fits"] if source else []
        write_revision(version, proposal, [PROPOSED, *taken], by)
        return
    before = Configuration.from_json(latest.configuration)
    merged = with_edits_of(proposal, before)
    changes = merged.changes_since(before)
    if version.revision == latest.number and former != version.scikit_learn:
        changes.append(served_by_another(former, version.scikit_learn))
    write_configuration(version, merged)
    if version.revision == latest.number and not changes:
        return
    if version.revision == latest.number:
        version.revision += 1
        version.save(update_fields=["revision"])
    write_revision(version, merged, [PROPOSED, *changes], by)
