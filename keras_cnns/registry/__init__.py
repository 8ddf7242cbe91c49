"""Names become rows of the papers' tables, and a row becomes a graph."""
