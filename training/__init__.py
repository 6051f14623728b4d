"""Trains the adapters that ship with `chatbot`. Nothing in `chatbot` imports it."""
