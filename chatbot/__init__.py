"""A chatbot that answers from your documents and cites every sentence."""

from importlib.metadata import version

__version__ = version("chatbot")
