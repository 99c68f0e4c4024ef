"""Records beside an execution's answer: log, search text and failure name; their hiding and
purge."""
