"""Who a visitor is, without saying so: salts, countries, agents."""
