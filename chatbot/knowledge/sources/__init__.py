"""What is kept in step: folders, files, uploads and pages, and what lies in them."""
