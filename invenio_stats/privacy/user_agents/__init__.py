"""User agents: their class, their reduced form, and the catalog of those that were seen."""
