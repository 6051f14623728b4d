"""Readers of public evaluation sets, one file a kind; each gives documents and questions, and measures nothing."""
