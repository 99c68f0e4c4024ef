"""One prediction after the other: its time, the first after a start or a promotion, the stock worker."""
