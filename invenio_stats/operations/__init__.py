"""What an operator runs: tasks and commands share it."""
