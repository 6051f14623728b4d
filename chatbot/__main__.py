"""`python -m chatbot` is the command line."""

from chatbot.apps.cli import main

main()
