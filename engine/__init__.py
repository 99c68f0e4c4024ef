"""The path of a row of ours through Prefect: created as a flow run, claimed, and finished."""
