"""Classify user agents anew, and give stored events the classes that their agents have now."""
