"""Chaos tests: the whole product under load while its parts are killed, stopped and altered.

`make chaos` runs every crash point of `docs/reliability.md`; `test_short.py` is its short form.
"""
