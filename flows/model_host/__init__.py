"""The only place where a model's file is opened: a clean, locked-down process that answers in JSON."""
