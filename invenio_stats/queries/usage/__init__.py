"""Answer questions about the use of records, files, communities, users and the repository."""
