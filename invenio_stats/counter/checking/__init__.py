"""Check COUNTER documents: JSON Schemas, and rules that a schema cannot express."""
