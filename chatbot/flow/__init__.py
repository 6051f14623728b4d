"""A query goes in, a stream of answer events comes out: one verb, one file, one function a stage."""
