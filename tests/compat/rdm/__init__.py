"""An instance shaped like InvenioRDM works unchanged."""
