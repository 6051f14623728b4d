"""What is told by words alone: where sentences end, what counts as a word, what kind of question this is."""
