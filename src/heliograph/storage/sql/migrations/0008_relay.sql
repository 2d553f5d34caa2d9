-- What a Relay client gives with a message, and the session that sent it.

ALTER TABLE messages ADD COLUMN tags TEXT;
ALTER TABLE messages ADD COLUMN region TEXT;
ALTER TABLE messages ADD COLUMN relay_session TEXT;
