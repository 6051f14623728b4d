"""The one fetcher of the product: every address checked before it is asked, every answer bounded."""
