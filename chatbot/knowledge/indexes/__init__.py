"""The dense and the lexical index, in generations that are built beside the one that serves, checked, and exchanged."""
