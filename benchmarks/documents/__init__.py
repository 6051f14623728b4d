"""Every file of a folder of documents through the real reader, damaged copies of them, and a second extractor's opinion."""
