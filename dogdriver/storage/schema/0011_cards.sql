-- What is shown of each series without that anybody computes: written with the verdict, or by the daemon where it lacks.
CREATE TABLE card (
    project TEXT NOT NULL,
    deployment TEXT NOT NULL,
    test TEXT NOT NULL,
    source TEXT NOT NULL,
    metric TEXT NOT NULL,
    made TEXT NOT NULL,  -- what it was made with: how the project's file has the metric
    body TEXT NOT NULL,
    PRIMARY KEY (project, deployment, test, source, metric)
) STRICT, WITHOUT ROWID;

-- The scopes whose points have changed since their cards were made.
CREATE TABLE stale (
    project TEXT NOT NULL,
    deployment TEXT NOT NULL,
    test TEXT NOT NULL,
    source TEXT NOT NULL,
    PRIMARY KEY (project, deployment, test, source)
) STRICT, WITHOUT ROWID;
INSERT INTO stale SELECT DISTINCT project, deployment, test, source FROM point;

CREATE TRIGGER point_added AFTER INSERT ON point BEGIN
    INSERT INTO stale VALUES (new.project, new.deployment, new.test, new.source) ON CONFLICT DO NOTHING;
END;
CREATE TRIGGER point_deleted AFTER DELETE ON point BEGIN
    INSERT INTO stale VALUES (old.project, old.deployment, old.test, old.source) ON CONFLICT DO NOTHING;
END;

-- How often what is kept of a project has changed: what was read at one number is true as long as that number holds.
CREATE TABLE change (
    project TEXT PRIMARY KEY,
    number INTEGER NOT NULL
) STRICT, WITHOUT ROWID;
INSERT INTO change SELECT DISTINCT project, 1 FROM run;

CREATE TRIGGER change_run_added AFTER INSERT ON run BEGIN
    INSERT INTO change VALUES (new.project, 1) ON CONFLICT DO UPDATE SET number = number + 1;
END;
CREATE TRIGGER change_run_changed AFTER UPDATE ON run BEGIN
    INSERT INTO change VALUES (new.project, 1) ON CONFLICT DO UPDATE SET number = number + 1;
END;
CREATE TRIGGER change_run_deleted AFTER DELETE ON run BEGIN
    INSERT INTO change VALUES (old.project, 1) ON CONFLICT DO UPDATE SET number = number + 1;
END;
CREATE TRIGGER change_value_changed AFTER UPDATE OF state, value, note, query ON value BEGIN
    INSERT INTO change VALUES (new.project, 1) ON CONFLICT DO UPDATE SET number = number + 1;
END;
CREATE TRIGGER change_value_added AFTER INSERT ON value BEGIN
    INSERT INTO change VALUES (new.project, 1) ON CONFLICT DO UPDATE SET number = number + 1;
END;
CREATE TRIGGER change_verdict_added AFTER INSERT ON verdict BEGIN
    INSERT INTO change VALUES (new.project, 1) ON CONFLICT DO UPDATE SET number = number + 1;
END;
CREATE TRIGGER change_card_added AFTER INSERT ON card BEGIN
    INSERT INTO change VALUES (new.project, 1) ON CONFLICT DO UPDATE SET number = number + 1;
END;
CREATE TRIGGER change_card_changed AFTER UPDATE ON card BEGIN
    INSERT INTO change VALUES (new.project, 1) ON CONFLICT DO UPDATE SET number = number + 1;
END;
CREATE TRIGGER change_release_added AFTER INSERT ON release BEGIN
    INSERT INTO change VALUES (new.project, 1) ON CONFLICT DO UPDATE SET number = number + 1;
END;
CREATE TRIGGER change_release_changed AFTER UPDATE ON release BEGIN
    INSERT INTO change VALUES (new.project, 1) ON CONFLICT DO UPDATE SET number = number + 1;
END;
CREATE TRIGGER change_stay_added AFTER INSERT ON stay BEGIN
    INSERT INTO change VALUES (new.project, 1) ON CONFLICT DO UPDATE SET number = number + 1;
END;
CREATE TRIGGER change_stay_changed AFTER UPDATE ON stay BEGIN
    INSERT INTO change VALUES (new.project, 1) ON CONFLICT DO UPDATE SET number = number + 1;
END;
CREATE TRIGGER change_stay_deleted AFTER DELETE ON stay BEGIN
    INSERT INTO change VALUES (old.project, 1) ON CONFLICT DO UPDATE SET number = number + 1;
END;
