-- What a Relay client gives with a message, and the session that sent it.

ALTER TABLE messages ADD COLUMN tags TEXT;
ALTER TABLE messages ADD COLUMN region TEXT;
ALTER TABLE messages ADD COLUMN relay_session TEXT;

-- Callbacks of one sequence go out one after the other, whatever messages they are of. Null: those of one message do.
ALTER TABLE callbacks ADD COLUMN sequence TEXT;
CREATE INDEX callbacks_sequence ON callbacks (origin, sequence, message_id)
    WHERE status = 'pending' AND sequence IS NOT NULL;
