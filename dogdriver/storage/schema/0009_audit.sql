-- Who has changed what, and when: one row for each request that did.
CREATE TABLE audit (
    seq INTEGER PRIMARY KEY,
    at INTEGER NOT NULL,
    who TEXT NOT NULL,  -- the name of the token
    what TEXT NOT NULL,  -- method and route
    subject TEXT NOT NULL,  -- the run or the project
    address TEXT NOT NULL  -- where it came from
) STRICT;
