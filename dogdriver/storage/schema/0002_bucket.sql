-- archive is the key under which a run stands in the bucket, or is about to; archived says since when it does: null, not
-- as it is now; 0, it is being sent. etag is that of the object that it was read from.
ALTER TABLE run ADD COLUMN archive TEXT;
ALTER TABLE run ADD COLUMN archived INTEGER;
ALTER TABLE run ADD COLUMN etag TEXT;

CREATE INDEX run_unarchived ON run (seq)
    WHERE coalesce(archived, 0) = 0 AND status IN ('done', 'failed', 'aborted', 'invalid');
CREATE INDEX run_archive ON run (archive) WHERE archive IS NOT NULL;

CREATE TRIGGER run_exclusion AFTER UPDATE OF excluded ON run WHEN new.excluded IS NOT old.excluded BEGIN
    UPDATE run SET archived = NULL WHERE id = new.id;
END;

CREATE TRIGGER value_changed AFTER UPDATE OF value ON value WHEN new.value IS NOT old.value BEGIN
    UPDATE run SET archived = NULL WHERE id = new.run;
END;

-- Objects of the inbox whose run is here, until they are removed from the bucket.
CREATE TABLE inbox (
    key TEXT PRIMARY KEY,
    run TEXT NOT NULL REFERENCES run (id) ON DELETE CASCADE,
    claimed INTEGER NOT NULL  -- until when it is ours
) STRICT, WITHOUT ROWID;

CREATE INDEX inbox_run ON inbox (run);

CREATE TABLE rejected (
    key TEXT PRIMARY KEY,
    etag TEXT NOT NULL,
    size INTEGER NOT NULL,
    reason TEXT NOT NULL,
    at INTEGER NOT NULL,
    moved TEXT
) STRICT, WITHOUT ROWID;

CREATE INDEX rejected_at ON rejected (at);

-- Releases with brought runs that no look has seen yet.
CREATE TABLE unjudged (
    project TEXT NOT NULL,
    deployment TEXT NOT NULL,
    test TEXT NOT NULL,
    source TEXT NOT NULL,
    release TEXT NOT NULL,
    started INTEGER NOT NULL,
    run TEXT NOT NULL REFERENCES run (id) ON DELETE CASCADE,
    again INTEGER NOT NULL,  -- values changed that looks have seen
    PRIMARY KEY (project, deployment, test, source, release)
) STRICT, WITHOUT ROWID;

CREATE INDEX unjudged_started ON unjudged (started);
CREATE INDEX unjudged_run ON unjudged (run);
