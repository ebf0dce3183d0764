"""Replace personal data in events by pseudonyms, a country and a user-agent class."""
