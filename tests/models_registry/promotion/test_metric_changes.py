import pytest

from models_registry.promotion.metric_changes import direction_of, metric_changes


def test_a_higher_accuracy_is_better_and_a_higher_error_worse() -> None:
    changes = metric_changes({"accuracy": 0.8, "rmse": 4.0}, {"accuracy": 0.9, "rmse": 5.0})
    assert [(one.name, one.arrow, one.verdict) for one in changes] == [
        ("accuracy", "▲", "better"),
        ("rmse", "▲", "worse"),
    ]


def test_a_falling_error_is_better() -> None:
    (change,) = metric_changes({"log_loss": 0.5}, {"log_loss": 0.4})
    assert (change.arrow, change.verdict) == ("▼", "better")
    assert change.difference == pytest.approx(-0.1)


def test_what_one_version_lacks_is_shown_and_not_judged() -> None:
    changes = metric_changes({"auc": 0.7}, {"f1": 0.6})
    assert [(one.name, one.before, one.after, one.verdict) for one in changes] == [
        ("f1", None, 0.6, ""),
        ("auc", 0.7, None, ""),
    ]


def test_the_same_number_written_otherwise_is_the_same() -> None:
    (change,) = metric_changes({"auc": 0.3}, {"auc": 0.1 + 0.2})
    assert (change.verdict, change.arrow) == ("same", "")


@pytest.mark.parametrize(
    ("name", "directions", "direction"),
    [
        ("RMSE", {}, "lower"),
        ("mean absolute error", {}, "lower"),
        ("test-mae", {}, "lower"),
        ("logloss", {}, "lower"),
        ("brier_score", {}, "lower"),
        ("mean_poisson_deviance", {}, "lower"),
        ("neg_log_loss", {}, "higher"),
        ("r2", {}, "higher"),
        ("maelstrom", {}, "higher"),
        ("churn", {"churn": "lower"}, "lower"),
        ("rmse", {"rmse": "Higher is better"}, "higher"),
        ("rmse", {"rmse": 3}, "lower"),
        ("auc", "lower", "lower"),
        ("", {}, "higher"),
    ],
)
def test_the_configuration_says_the_direction_else_the_name_does(
    name: str, directions: dict[str, object] | str, direction: str
) -> None:
    assert direction_of(name, directions) == direction
