"""The only place where a model file is opened: a clean, locked-down process that speaks JSON."""
