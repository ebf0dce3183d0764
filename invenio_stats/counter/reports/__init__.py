"""Make COUNTER reports of closed months: from a request to JSON, TSV or XLSX."""
