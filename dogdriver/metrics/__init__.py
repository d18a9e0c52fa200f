"""From a reply's points to a settled value: queries, units, buckets, reductions. Pure: no I/O, no clock."""
