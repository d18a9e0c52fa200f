"""A small world to try dogDriver in: services whose releases differ, a Datadog stand-in, a sample Molotov test.

Nothing of it is part of the product's own path: the daemon talks to this world over HTTP as to the real one.
"""
