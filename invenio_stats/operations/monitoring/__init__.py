"""Monitor the pipeline: status, diagnosis, last runs and ingest counters."""
