"""How the pipeline is doing: status, diagnosis, last runs and ingest counters."""
