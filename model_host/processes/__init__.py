"""The worker's side: the zygote and its children, started, lent to one thread at a time, asked and
ended."""
