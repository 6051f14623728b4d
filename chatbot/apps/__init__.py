"""Front ends: each renders the same stream of answer events."""
