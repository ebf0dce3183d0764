"""invenio_stats/privacy/user_agents: tests on a real application."""
