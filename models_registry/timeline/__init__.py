"""Which version was live when: periods, and the bar that shows them."""
