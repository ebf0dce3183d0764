"""Raw events: file-download-v1."""
