"""Find unusual days and months in totals; raw events are asked only about days that seem to be unusual."""
