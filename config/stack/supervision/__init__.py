"""The supervision of the stack's processes: their parts, accounts, pids, states and output."""
