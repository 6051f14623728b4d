"""The catalogue in SQL, the truth of all that is stored, and what guards the data directory and its files."""
