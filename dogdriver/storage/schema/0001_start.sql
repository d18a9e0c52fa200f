-- Times are microseconds since 1970 in UTC. Structured columns hold JSON; those called BLOB hold it compressed by zlib.

CREATE TABLE run (
    seq INTEGER PRIMARY KEY,  -- the order in which runs were added
    id TEXT NOT NULL UNIQUE,
    project TEXT NOT NULL,
    deployment TEXT NOT NULL,
    test TEXT NOT NULL,
    source TEXT NOT NULL,
    status TEXT NOT NULL
        CHECK (status IN ('queued', 'running', 'pending', 'done', 'failed', 'aborted', 'invalid')),
    trigger TEXT NOT NULL,
    created INTEGER NOT NULL,
    claimed INTEGER,  -- when it became running
    endpoint TEXT,
    release TEXT,  -- the label
    version TEXT,
    revision TEXT,  -- the release's commit
    reason TEXT,
    started INTEGER,
    ended INTEGER,
    due INTEGER CHECK (due IS NOT NULL OR status <> 'pending'),
    attempts INTEGER NOT NULL,
    load TEXT,
    tally TEXT,
    client TEXT,
    content TEXT,
    test_commit TEXT,
    fingerprint REAL,
    comparable TEXT NOT NULL,  -- a hash of load and content
    excluded TEXT,
    notes TEXT NOT NULL,
    links TEXT NOT NULL
) STRICT;

CREATE INDEX run_created ON run (created, seq);
CREATE INDEX run_project ON run (project, created, seq);
CREATE INDEX run_known ON run (project, deployment, test, source, status, created);
CREATE INDEX run_status ON run (status, created, seq);
CREATE INDEX run_scheduled ON run (project, deployment, created) WHERE trigger = 'schedule';
CREATE INDEX run_due ON run (due, seq) WHERE status = 'pending';
CREATE INDEX run_queued ON run (created, seq) WHERE status = 'queued';
CREATE UNIQUE INDEX run_queued_once ON run (project, deployment, test) WHERE status = 'queued';

CREATE TABLE value (
    run TEXT NOT NULL REFERENCES run (id) ON DELETE CASCADE,
    metric TEXT NOT NULL CHECK (metric <> ''),
    project TEXT NOT NULL,
    state TEXT NOT NULL,
    value REAL,
    points INTEGER,
    expected INTEGER,
    query TEXT,
    unit TEXT,
    interval REAL,
    note TEXT,
    earlier REAL,
    reading BLOB,
    PRIMARY KEY (run, metric)
) STRICT;

CREATE INDEX value_metric ON value (project, metric, value);

-- What charts are drawn from: a copy of run and value, kept in the same transaction, in the order in which it is read.
-- The metric '' stands for the run itself, where it ended badly or has no values: it is what any series shows of it.
CREATE TABLE point (
    project TEXT NOT NULL,
    deployment TEXT NOT NULL,
    test TEXT NOT NULL,
    source TEXT NOT NULL,
    metric TEXT NOT NULL,
    started INTEGER NOT NULL,
    run TEXT NOT NULL,
    value REAL,
    release TEXT NOT NULL,
    status TEXT NOT NULL,
    comparable TEXT NOT NULL,
    state TEXT NOT NULL,
    excluded INTEGER NOT NULL,
    fingerprint REAL,
    PRIMARY KEY (project, deployment, test, source, metric, started, run)
) STRICT, WITHOUT ROWID;

CREATE TABLE release (
    seq INTEGER PRIMARY KEY,
    project TEXT NOT NULL,
    deployment TEXT NOT NULL,
    label TEXT NOT NULL,
    version TEXT,
    revision TEXT,  -- the commit
    first INTEGER,  -- when it was first observed; null while it has a label only
    last INTEGER,
    sighting INTEGER,  -- tells apart what was observed at the same time
    UNIQUE (project, deployment, label)
) STRICT;

CREATE TABLE verdict (
    seq INTEGER PRIMARY KEY,
    project TEXT NOT NULL,
    deployment TEXT NOT NULL,
    test TEXT NOT NULL,
    source TEXT NOT NULL,
    metric TEXT NOT NULL,
    release TEXT NOT NULL,
    look INTEGER NOT NULL,
    at INTEGER NOT NULL,
    verdict TEXT NOT NULL,
    standing TEXT NOT NULL,
    standing_outcome TEXT NOT NULL,
    standing_reason TEXT NOT NULL,
    inputs BLOB NOT NULL
) STRICT;

CREATE INDEX verdict_look ON verdict (project, deployment, test, source, metric, release, look, seq);

CREATE TABLE errand (
    seq INTEGER PRIMARY KEY,
    kind TEXT NOT NULL,
    key TEXT NOT NULL,
    run TEXT,
    payload TEXT NOT NULL,
    due INTEGER NOT NULL,
    created INTEGER NOT NULL,
    attempts INTEGER NOT NULL,
    state TEXT NOT NULL,
    error TEXT,
    result TEXT,
    UNIQUE (kind, key)
) STRICT;

CREATE INDEX errand_due ON errand (due, seq) WHERE state = 'waiting';
CREATE INDEX errand_created ON errand (created, seq);
CREATE INDEX errand_state ON errand (state, created, seq);

CREATE TABLE idempotency (
    key TEXT PRIMARY KEY,
    run TEXT NOT NULL REFERENCES run (id) ON DELETE CASCADE,
    created INTEGER NOT NULL
) STRICT, WITHOUT ROWID;

CREATE INDEX idempotency_created ON idempotency (created);

CREATE TABLE state (
    name TEXT PRIMARY KEY,
    value TEXT NOT NULL
) STRICT, WITHOUT ROWID;
