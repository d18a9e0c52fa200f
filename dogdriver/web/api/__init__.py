"""The JSON API under /api/v1, and the read API of the first dogDriver."""
