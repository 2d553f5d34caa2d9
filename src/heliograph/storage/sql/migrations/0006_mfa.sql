-- Codes that were sent to prove that somebody has a phone, as salted hashes, until they end.

CREATE TABLE challenges (
    project_id    UUID     NOT NULL,
    challenge_id  UUID     NOT NULL,
    message_id    UUID     NOT NULL,
    code_hash     TEXT     NOT NULL,
    attempts_left INTEGER  NOT NULL CHECK (attempts_left >= 0),
    used          SMALLINT NOT NULL,
    expires_at    BIGINT   NOT NULL,
    PRIMARY KEY (project_id, challenge_id)
);
CREATE INDEX challenges_expiry ON challenges (expires_at);
