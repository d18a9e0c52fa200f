-- The first dogDriver's worker wrote 0 where Datadog had nothing: what was imported of that is no data.
CREATE TEMP TABLE legacy_zero AS
SELECT value.run, metric FROM value JOIN run ON run.id = value.run
WHERE trigger = 'elsewhere' AND notes LIKE '%imported from the first dogDriver%' AND value = 0 AND metric IN ('rps', 'art');
INSERT INTO legacy_zero SELECT run, 'cpu' FROM value
WHERE metric = 'cpu' AND value = 0 AND run IN (SELECT run FROM legacy_zero);

UPDATE value SET value = NULL, state = 'no_data',
    note = 'the first dogDriver wrote 0, which is what it wrote where Datadog had nothing'
WHERE (run, metric) IN (SELECT run, metric FROM legacy_zero);

INSERT INTO unjudged (project, deployment, test, source, release, started, run, again)
SELECT project, deployment, test, source, CASE WHEN stay > 1 THEN release || '@' || stay ELSE release END,
    started, id, 1
FROM run WHERE id IN (SELECT run FROM legacy_zero) AND status = 'done' AND release <> 'unknown' AND started IS NOT NULL
ON CONFLICT DO NOTHING;

DROP TABLE legacy_zero;
