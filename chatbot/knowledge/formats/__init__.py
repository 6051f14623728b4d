"""One file a format family; each turns bytes into `Extracted` text with headings and pages, or refuses with a reason."""
