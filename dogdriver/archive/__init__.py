"""The life of runs across daemons: one bucket is everybody's archive, and the inbox of those who have no daemon.

`uploads` sends what is final here, `downloads` fetches what is final elsewhere, `inbox` takes what is not final yet;
`objects` says where all that stands, `legacy` what the first dogDriver left. Nothing else waits for the bucket.
"""

from dogdriver.archive.archive import Archive
from dogdriver.archive.objects import inbox_object
from dogdriver.archive.ports import Bucket, Ledger

__all__ = ["Archive", "Bucket", "Ledger", "inbox_object"]
