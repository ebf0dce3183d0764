"""Tell how far the numbers can be trusted: fresh, complete, what was left out and why, and by which rules."""
