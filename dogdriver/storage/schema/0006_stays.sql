-- A stay is one time that a release ran at a deployment: after a rollback the old release has a second one. For charts
-- and verdicts each is a release of its own, called by its label, with its number from the second on.

ALTER TABLE run ADD COLUMN stay INTEGER;  -- null in the first one
CREATE INDEX run_observed ON run (project, deployment, started) WHERE started IS NOT NULL;
CREATE INDEX run_stay ON run (project, deployment, release, started) WHERE started IS NOT NULL;

CREATE TABLE stay (
    project TEXT NOT NULL,
    deployment TEXT NOT NULL,
    label TEXT NOT NULL,
    number INTEGER NOT NULL,
    name TEXT NOT NULL,  -- of the two, as charts and verdicts call it
    first INTEGER NOT NULL,  -- the starts of its first and its last run
    last INTEGER NOT NULL,
    PRIMARY KEY (project, deployment, label, number)
) STRICT, WITHOUT ROWID;
CREATE INDEX stay_name ON stay (project, deployment, name);
INSERT INTO stay SELECT project, deployment, release, 1, release, min(started), max(started)
FROM run WHERE started IS NOT NULL AND release IS NOT NULL AND release <> 'unknown' GROUP BY project, deployment, release;

DROP TRIGGER run_changed;
DROP VIEW value_point;
DROP VIEW run_point;

CREATE VIEW value_point AS
SELECT project, deployment, test, source, metric, started, id AS run, value,
    coalesce(CASE WHEN stay > 1 THEN release || '@' || stay ELSE release END, 'unknown') AS release,
    status, comparable, state, excluded IS NOT NULL AS excluded, fingerprint, kinds
FROM (SELECT run AS of, metric, value, state FROM value) JOIN run ON id = of
WHERE started IS NOT NULL AND status NOT IN ('queued', 'running') AND (status <> 'pending' OR state <> 'waiting');

CREATE VIEW run_point AS
SELECT project, deployment, test, source, '' AS metric, started, id AS run, NULL AS value,
    coalesce(CASE WHEN stay > 1 THEN release || '@' || stay ELSE release END, 'unknown') AS release,
    status, comparable, 'no_data' AS state, excluded IS NOT NULL AS excluded, fingerprint, kinds
FROM run
WHERE started IS NOT NULL AND (status IN ('failed', 'aborted', 'invalid')
    OR status = 'done' AND NOT EXISTS (SELECT 1 FROM value WHERE value.run = id));

CREATE TRIGGER run_changed
AFTER UPDATE OF project, deployment, test, source, started, release, stay, status, comparable, excluded, fingerprint,
    kinds
ON run WHEN (new.project, new.deployment, new.test, new.source, new.started, new.release, new.stay, new.status,
        new.comparable, new.excluded, new.fingerprint, new.kinds)
    IS NOT (old.project, old.deployment, old.test, old.source, old.started, old.release, old.stay, old.status,
        old.comparable, old.excluded, old.fingerprint, old.kinds) BEGIN
    DELETE FROM point WHERE project = old.project AND deployment = old.deployment AND test = old.test
        AND source = old.source AND metric IN (SELECT metric FROM value WHERE value.run = old.id UNION ALL SELECT '')
        AND started = old.started AND run = old.id;
    INSERT INTO point SELECT * FROM value_point WHERE run = new.id;
    INSERT INTO point SELECT * FROM run_point WHERE run = new.id;
END;
