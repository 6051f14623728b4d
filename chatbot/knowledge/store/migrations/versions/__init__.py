"""One file a schema. A file that was released is never changed: what follows from it is another file."""
