"""Brings the catalogue and the indexes into step with the sources, on one machine or on a cluster."""
