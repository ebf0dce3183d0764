"""Write answers to files: rows of a table, CSV, XLSX and streamed JSON."""
