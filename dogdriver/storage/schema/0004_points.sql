-- What charts are drawn from (point) follows run and value by itself: two views say what must stand there, and triggers
-- write what has changed of it. A column more in point is a column more at the end of both views; the triggers follow.

-- The values of a run that has ended, and those that are final while it is pending.
CREATE VIEW value_point AS
SELECT project, deployment, test, source, metric, started, id AS run, value, coalesce(release, 'unknown') AS release,
    status, comparable, state, excluded IS NOT NULL AS excluded, fingerprint, kinds
FROM (SELECT run AS of, metric, value, state FROM value) JOIN run ON id = of
WHERE started IS NOT NULL AND status NOT IN ('queued', 'running') AND (status <> 'pending' OR state <> 'waiting');

-- The run itself, which every series shows of it, where it ended badly or has no values at all.
CREATE VIEW run_point AS
SELECT project, deployment, test, source, '' AS metric, started, id AS run, NULL AS value,
    coalesce(release, 'unknown') AS release, status, comparable, 'no_data' AS state, excluded IS NOT NULL AS excluded,
    fingerprint, kinds
FROM run
WHERE started IS NOT NULL AND (status IN ('failed', 'aborted', 'invalid')
    OR status = 'done' AND NOT EXISTS (SELECT 1 FROM value WHERE value.run = id));

CREATE TRIGGER run_added AFTER INSERT ON run WHEN new.started IS NOT NULL BEGIN
    INSERT INTO point SELECT * FROM run_point WHERE run = new.id;
END;

CREATE TRIGGER run_changed
AFTER UPDATE OF project, deployment, test, source, started, release, status, comparable, excluded, fingerprint, kinds
ON run WHEN (new.project, new.deployment, new.test, new.source, new.started, new.release, new.status, new.comparable,
        new.excluded, new.fingerprint, new.kinds)
    IS NOT (old.project, old.deployment, old.test, old.source, old.started, old.release, old.status, old.comparable,
        old.excluded, old.fingerprint, old.kinds) BEGIN
    DELETE FROM point WHERE project = old.project AND deployment = old.deployment AND test = old.test
        AND source = old.source AND metric IN (SELECT metric FROM value WHERE value.run = old.id UNION ALL SELECT '')
        AND started = old.started AND run = old.id;
    INSERT INTO point SELECT * FROM value_point WHERE run = new.id;
    INSERT INTO point SELECT * FROM run_point WHERE run = new.id;
END;

-- Before, for with the run go its values, which say what points it has.
CREATE TRIGGER run_deleted BEFORE DELETE ON run BEGIN
    DELETE FROM point WHERE project = old.project AND deployment = old.deployment AND test = old.test
        AND source = old.source AND metric IN (SELECT metric FROM value WHERE value.run = old.id UNION ALL SELECT '')
        AND started = old.started AND run = old.id;
END;

CREATE TRIGGER value_added AFTER INSERT ON value BEGIN
    INSERT INTO point SELECT * FROM value_point WHERE run = new.run AND metric = new.metric;
END;

-- With its first value a run that is done has no point of its own any more.
CREATE TRIGGER value_first AFTER INSERT ON value
WHEN NOT EXISTS (SELECT 1 FROM value WHERE run = new.run AND metric <> new.metric) BEGIN
    DELETE FROM point WHERE (project, deployment, test, source, metric, started, run) IN
        (SELECT project, deployment, test, source, '', started, id FROM run WHERE id = new.run AND status = 'done');
END;

CREATE TRIGGER value_settled AFTER UPDATE OF value, state ON value
WHEN (new.value, new.state) IS NOT (old.value, old.state) BEGIN
    DELETE FROM point WHERE (project, deployment, test, source, metric, started, run) IN
        (SELECT project, deployment, test, source, old.metric, started, id FROM run WHERE id = old.run);
    INSERT INTO point SELECT * FROM value_point WHERE run = new.run AND metric = new.metric;
END;
