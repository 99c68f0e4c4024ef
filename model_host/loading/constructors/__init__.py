"""Constructors of our own, which run in place of the calls and classes that a file names."""
