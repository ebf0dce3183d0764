"""Pure rules of usage statistics, written with the standard library only: no Flask, no search engine, no clock."""
