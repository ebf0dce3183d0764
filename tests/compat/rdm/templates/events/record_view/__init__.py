"""Raw events: record-view-v1."""
