-- Calls that are over. Times are Unix milliseconds. Identifiers sort by the time of the offer.
CREATE TABLE calls (
    row          INTEGER PRIMARY KEY AUTOINCREMENT,
    id           TEXT NOT NULL UNIQUE,
    offered_ms   INTEGER NOT NULL,
    ringing_ms   INTEGER,
    answered_ms  INTEGER,
    connected_ms INTEGER,
    ended_ms     INTEGER NOT NULL,
    talk_ms      INTEGER NOT NULL,
    trunk        TEXT,
    source       TEXT NOT NULL,
    caller       TEXT NOT NULL, -- +12025550143, anonymous, named:…, malformed:…
    called       TEXT NOT NULL, -- +12025550143, emergency:…, other:…
    tenant       TEXT,
    plan         TEXT,
    outcome      TEXT NOT NULL,
    status       INTEGER NOT NULL,
    cause        TEXT NOT NULL,
    fault        TEXT,
    hung_up_by   TEXT,
    treatment    TEXT,
    score        INTEGER,       -- thousandths
    challenge    TEXT,
    sip_call_id  TEXT NOT NULL,
    legs         TEXT NOT NULL, -- JSON
    decision     TEXT           -- JSON
) STRICT;

-- Where the calls of a caller or to a number are: see finding.rs. Rows after the last segment are not in it yet.
CREATE TABLE call_segments (
    segment  INTEGER PRIMARY KEY, -- the first row
    last_row INTEGER NOT NULL,
    first_id TEXT NOT NULL,       -- the least identifier, so the earliest offer
    last_id  TEXT NOT NULL        -- the greatest
) STRICT;

CREATE TABLE call_keys (
    segment INTEGER NOT NULL,
    key     INTEGER NOT NULL,     -- of a caller: 0 and above; of a called number: below 0
    row     INTEGER NOT NULL,
    PRIMARY KEY (segment, key, row)
) STRICT, WITHOUT ROWID;

-- Entries of block and allow lists that were made while the switch ran. Removed ones stay as history.
CREATE TABLE entries (
    id         INTEGER PRIMARY KEY AUTOINCREMENT,
    list       TEXT NOT NULL,   -- block, allow
    scope_kind TEXT NOT NULL,   -- operator, tenant, did
    scope      TEXT NOT NULL,   -- '', the tenant, the number
    key_kind   TEXT NOT NULL,   -- number, prefix, cnam
    key        TEXT NOT NULL,
    reason     TEXT,
    author     TEXT NOT NULL,
    created_ms INTEGER NOT NULL,
    expires_ms INTEGER,
    from_call  TEXT,
    removed_ms INTEGER,
    removed_by TEXT
) STRICT;

CREATE UNIQUE INDEX entries_in_force ON entries (list, scope_kind, scope, key_kind, key) WHERE removed_ms IS NULL;
CREATE INDEX entries_removed ON entries (removed_ms) WHERE removed_ms IS NOT NULL;

-- Callers who passed a challenge.
CREATE TABLE passes (
    tenant   TEXT NOT NULL,
    caller   TEXT NOT NULL,
    until_ms INTEGER NOT NULL,
    PRIMARY KEY (tenant, caller)
) STRICT, WITHOUT ROWID;

CREATE INDEX passes_by_end ON passes (until_ms);

-- Directories that were in force.
CREATE TABLE versions (
    hash       TEXT PRIMARY KEY,
    applied_ms INTEGER NOT NULL
) STRICT, WITHOUT ROWID;

CREATE TABLE version_files (
    hash     TEXT NOT NULL REFERENCES versions (hash) ON DELETE CASCADE,
    position INTEGER NOT NULL,
    name     TEXT NOT NULL,
    text     TEXT NOT NULL,
    PRIMARY KEY (hash, position)
) STRICT, WITHOUT ROWID;
