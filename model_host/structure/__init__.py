"""The structure of a fitted model: its steps, its inputs and its outputs."""
