"""A backup of the whole installation: the database and the model files that it names, in one
folder.

    <folder>/manifest.json      what it is of, and the digest of every file in it
    <folder>/database.dump      pg_dump's custom format
    <folder>/models/<sha256>    the model files, as in the store

Prefect's own database is not included: our rows are authoritative, and Prefect's are created again.
"""
