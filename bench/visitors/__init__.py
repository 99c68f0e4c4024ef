"""The simulated people of `bench.people`: what they do, and how they read a page."""
