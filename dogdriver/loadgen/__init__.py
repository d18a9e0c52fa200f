"""How a load is generated: Molotov's own workers in a loop of their own, in a thread or in child processes.

Only runner.py imports this package. `supervisor` conducts one load, `thread` and `process` are the two hosts of an
`engine`; `recorder` measures what the load does and how the generator itself fared.
"""
