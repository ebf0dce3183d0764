"""A short pass of everything that asks the engine: on each engine, with each client. run-tests.sh starts it."""
