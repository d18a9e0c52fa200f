"""The commands of the command line: `arguments` reads its words, `commands` says what each of them does.

`check` looks at everything that a run would need. The others are `dogdriver run`, one load from wherever it is
started: `run` is the order of its steps, in a `session` (the daemon's own pipeline around a store of its own), with
`destinations` for the runs, their `delivery`, the `verdict` and the `report` of all that.
"""
