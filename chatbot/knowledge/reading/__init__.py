"""From bytes to chunks: a file is read in a child process without network, and split."""
