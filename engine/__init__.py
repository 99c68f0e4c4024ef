"""How a row of ours becomes a flow run of Prefect and comes back."""
