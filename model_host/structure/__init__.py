"""What a fitted model is made of, and what it takes and gives."""
