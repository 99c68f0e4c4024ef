"""The installation of locked packages and other programs, and the audit of what is locked: for
`make`."""
