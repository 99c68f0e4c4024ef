"""`make containers`: the images and docker-compose.yml on a real engine, and what they promise."""
