"""The time of one prediction: in series, after a start or a promotion, by the stock worker."""
