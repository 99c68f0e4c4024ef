"""What the apps keep about a person, and how long."""
