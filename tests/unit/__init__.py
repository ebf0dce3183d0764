"""Rules and shells without an app and without services: seconds."""
