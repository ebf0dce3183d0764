"""Index templates of an InvenioRDM-shaped instance: strict, composable, with its own fields only."""
