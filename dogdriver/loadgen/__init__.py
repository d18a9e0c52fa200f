"""How a load is generated: Molotov's own workers in a loop of their own, in a thread or in child processes.

Only runner.py imports this package. `supervisor` conducts one load from the daemon's side; `thread` and `process` are
the two executors that run an `engine`, which says by `protocol` how it goes; `recorder` measures what the load does and
how the generator itself fared. `molotov` is the only file that imports Molotov.
"""
