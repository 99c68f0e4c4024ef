"""The dashboard: usage, response times and error rates, in numbers and charts."""
