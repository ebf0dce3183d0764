"""Archive: raw events and totals as files, so that statistics survive the loss of the search engine."""
