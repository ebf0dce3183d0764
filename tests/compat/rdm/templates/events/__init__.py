"""Raw events, one package for each kind."""
