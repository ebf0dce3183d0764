"""Reports are read back by a program that libraries use for them; see `run-tests.sh --only package`."""
