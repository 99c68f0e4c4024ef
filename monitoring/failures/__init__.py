"""Failed predictions, grouped by their cause, and what admins do about them."""
