"""From stored events to totals."""
