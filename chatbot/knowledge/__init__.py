"""Documents in, passages out: the catalogue is the truth, the indexes are derived from it."""
