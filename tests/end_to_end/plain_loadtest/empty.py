"""Nothing to run."""
