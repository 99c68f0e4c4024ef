"""What people and admins write to each other about a prediction."""
