"""The installation of locked packages, of runtimes and of other programs, and the audit of what is
locked."""
