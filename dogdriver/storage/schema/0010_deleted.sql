-- Runs that were deleted, so that they do not come back. archive is the key of a run's object in the bucket, null where it
-- has none of ours; sent says since when it is replaced by one that tells others (0: not yet; null: nothing to tell).
CREATE TABLE deleted (
    id TEXT PRIMARY KEY,
    at INTEGER NOT NULL,
    archive TEXT,
    sent INTEGER
) STRICT, WITHOUT ROWID;

CREATE INDEX deleted_unsent ON deleted (at) WHERE sent = 0;
