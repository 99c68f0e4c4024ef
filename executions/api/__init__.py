"""The API: what programs may ask, in the words of the pages and by the same services."""
