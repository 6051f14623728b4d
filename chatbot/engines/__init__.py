"""Engines turn messages and documents into an answer; each is a LangChain `BaseChatModel`."""
