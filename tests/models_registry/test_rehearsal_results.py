from model_host.protocol.codec import stored, to_json
from models_registry.rehearsal_results import Answered, Failed, RowResult, Skipped


def test_each_row_is_stored_as_its_answer_or_as_the_reason_that_there_is_none() -> None:
    results = (Answered(None), Failed("It failed."), Skipped("It is gone."))
    written = to_json(results)
    assert written == [{"value": None}, {"error": "It failed."}, {"skipped": "It is gone."}]
    assert stored(tuple[RowResult, ...], written) == results
