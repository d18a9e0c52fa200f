-- What the hosts behind the deployment were: instance types, zones; as the project's fingerprint query groups them.
ALTER TABLE run ADD COLUMN kinds TEXT;
ALTER TABLE point ADD COLUMN kinds TEXT;
