"""Datadog's HTTP side: addresses, retries, rate limits, what is sent and what comes back.

Only datadog.py imports it.
"""
