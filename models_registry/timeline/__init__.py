"""The timeline of a model's live versions: periods, and the bar that shows them."""
