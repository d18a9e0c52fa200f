-- The fields of a run, and of a value, that no statement asks for by themselves: JSON by their names, null where there
-- is none. One that is asked for gets a column, filled from here.
ALTER TABLE run ADD COLUMN more TEXT;
ALTER TABLE value ADD COLUMN more TEXT;
