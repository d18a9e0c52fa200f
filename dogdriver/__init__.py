"""Is service X getting slower or faster with this new release?"""

import os

# Before numpy is loaded, which reads them once: matrices here are small, and a pool of threads doubles what they cost.
# What the operator has set stays.
for _name in ("OPENBLAS_NUM_THREADS", "OMP_NUM_THREADS", "MKL_NUM_THREADS"):
    os.environ.setdefault(_name, "1")  # noqa: TID251 - read by numpy's libraries, and by nothing of ours
