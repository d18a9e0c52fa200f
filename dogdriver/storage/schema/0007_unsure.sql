-- How often a message was sent without that it is known whether it arrived: its answer was lost, or the daemon ended.
ALTER TABLE errand ADD COLUMN unsure INTEGER NOT NULL DEFAULT 0;
UPDATE errand SET unsure = 1 WHERE state = 'waiting' AND attempts > 0;
