"""Rules, with the standard library only: no Flask, no engine, no clock."""
