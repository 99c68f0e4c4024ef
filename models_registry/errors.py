"""The rules about models and versions."""

from config.errors import DomainError, InfrastructureError


class BadModelName(DomainError):
    """Nothing can be registered under this name; the message says why."""


class BadGroupName(DomainError):
    """No group can have this name; the message says why."""


class GroupExists(DomainError):
    message = "A group of this name exists. Choose another name."


class NotTested(DomainError):
    message = (
        "This version has not been tested with its present file and inputs. "
        "Run a test that succeeds, then promote it."
    )


class AlreadyActive(DomainError):
    message = "This version is already active."


class WasLive(DomainError):
    message = "This version was live before. Roll back to it from its page."


class FileAltered(DomainError):
    message = "The stored file of this version was altered. Restore it from a backup and verify it."


class CasesFail(DomainError):
    message = (
        "Not every saved case passes on this file and these inputs. Run them all, or change "
        "those that ask for the wrong answer."
    )


class TypesNotApproved(DomainError):
    message = "The file has not passed its latest inspection. Review it first."


class LibrariesDiffer(DomainError):
    message = (
        "The model was trained with another major version of a library than this server runs. "
        "Train and save it again."
    )


class LibrariesNotTested(DomainError):
    message = (
        "The model was trained with other library versions than this server runs. "
        "Say that you have tested this."
    )


class ChangesNotReviewed(DomainError):
    message = "The inputs differ from those of the active version. Say that you have reviewed this."


class RawValuesNotConfirmed(DomainError):
    message = (
        "The model takes inputs without names, and no step of it scales or encodes them. If it "
        "was trained on prepared columns, raw values get wrong answers: put what prepares them "
        "and the model into one Pipeline. Else say that these are raw values: tick it on the "
        "promotion page, or give publish_model --raw-values."
    )


class BadText(DomainError):
    message = "Say what changed in 10 to 2,000 characters."


class NotArchived(DomainError):
    message = "Only a version that was live before can be made active again."


class NotChecked(DomainError):
    message = "The file of this version was not checked in the last ten minutes. Check it first."


class ReasonMissing(DomainError):
    message = "Say why. The reason stays in the record of this deployment."


class NothingActive(DomainError):
    message = "No version of this model is active, so there is nothing to retire."


class RuntimeIsOwn(DomainError):
    def __init__(self, runtime: str) -> None:
        super().__init__(f"scikit-learn {runtime} serves this version already.")


class RuntimeNotOffered(DomainError):
    def __init__(self, runtime: str) -> None:
        super().__init__(
            f"No worker has scikit-learn {runtime} now. Run `manage.py runtime add {runtime}` "
            "where the worker runs, then try again."
        )


class RuntimeNotTried(DomainError):
    def __init__(self, runtime: str) -> None:
        super().__init__(
            f"This file and revision were not tried with scikit-learn {runtime}. Try them first."
        )


class VersionLocked(DomainError):
    message = "This version has been live, so its inputs are locked. Duplicate it as a new version."


class RevisionOutdated(DomainError):
    def __init__(self, revision: int) -> None:
        super().__init__(
            f"Somebody saved revision {revision} since you opened this page. Nothing of yours is "
            "saved; open the page again and repeat your changes on that revision."
        )


class BoundDoesNotFit(DomainError):
    def __init__(self, version: str, label: str, why: str) -> None:
        super().__init__(
            f"{version} cannot have this limit for {label}: {why} Change that on its inputs first. "
            "Nothing was changed."
        )


class VersionInUse(DomainError):
    message = "Only a draft that never ran can be deleted."


def _listed(names: list[str]) -> str:
    more = len(names) - 20
    return ", ".join(names[:20]) + (f" and {more} more" if more > 0 else "")


class IncompleteSchema(DomainError):
    def __init__(self, names: list[str]) -> None:
        super().__init__(
            f"Please complete these inputs first: {_listed(names)}. The file does not say what "
            "values they take: an admin says it on the page of the version's inputs, or the "
            "training configuration does (features, type)."
        )


class NotInspected(DomainError):
    message = "The file has not passed its inspection, so it cannot run yet."


class NotASuperuser(DomainError):
    message = "Only a superuser can approve types."


class NotRefused(DomainError):
    message = "The latest inspection of this file does not ask for this approval. Check it again."


class ArtifactTooLarge(DomainError):
    def __init__(self, limit: int) -> None:
        super().__init__(
            f"The file is larger than {limit // 1024**2} MB, the largest that this site takes. "
            "Save the model compressed (joblib.dump(model, file, compress=3)) or make it smaller."
        )


class StoreUnavailable(DomainError):
    seconds = 60
    message = "The file could not be stored right now. Nothing was kept; try again in a minute."


class FileIsGone(DomainError):
    message = "The store does not give this version's file. Check the store, then try again."


class BadTrainingConfig(DomainError):
    """The training configuration cannot be used; the message says where and why."""


class TooManyUploads(DomainError):
    def __init__(self, limit: int, minutes: int) -> None:
        super().__init__(
            f"{limit} files an hour is the most that one person may upload. Nothing was kept; "
            f"try again in {minutes} min."
        )
        self.seconds = 60 * minutes


class UploadUnderWay(DomainError):
    seconds = 10
    message = (
        "Another upload of yours is in progress. Nothing was kept; wait until it has finished."
    )


class NoIntervalPossible(DomainError):
    """No interval can be computed from the reference data; the message says why."""


class BadReferenceData(DomainError):
    """The reference data cannot be used; the message says where and why."""


class VersionAltered(DomainError):
    """The version's stored file was altered. People read this message; admins see the cause on the
    version's page."""

    message = "The model could not be loaded. Nothing is wrong with your inputs."


class ArtifactMissing(InfrastructureError):
    """The store has no such artifact, or did not answer after every try."""


class CaseLocked(DomainError):
    message = (
        "This version has been live, so its cases stay as they are. Add another case, or "
        "duplicate the version."
    )


class CaseNameTaken(DomainError):
    message = "This version has a case of that name. Choose another name."


class TooManyCases(DomainError):
    def __init__(self, most: int) -> None:
        super().__init__(f"A version has at most {most} saved cases. Delete some first.")
