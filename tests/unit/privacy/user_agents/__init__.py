"""invenio_stats/privacy/user_agents: unit tests."""
