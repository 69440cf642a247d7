-- The shop's own tables, in a schema of their own. Runs at every start and changes nothing that is there already.
SELECT pg_advisory_xact_lock(hashtext('store.schema'));

CREATE SCHEMA IF NOT EXISTS store;

-- One isolated state of the shop. `data` is the digest of the base data it stands on.
CREATE TABLE IF NOT EXISTS store.world (
    id text PRIMARY KEY CHECK (length(id) BETWEEN 1 AND 100),
    dialect text NOT NULL DEFAULT 'strict' CHECK (dialect IN ('strict', 'lenient')),
    data text NOT NULL,
    calls integer NOT NULL DEFAULT 0,
    calls_by_tool jsonb NOT NULL DEFAULT '{}',
    effects integer NOT NULL DEFAULT 0,
    made_at timestamptz NOT NULL DEFAULT clock_timestamp()
);

-- Rows of the base data that a world changed: only these are stored. `json` keeps digits and order as written.
CREATE TABLE IF NOT EXISTS store.changed (
    world text NOT NULL REFERENCES store.world,
    kind text NOT NULL CHECK (kind IN ('users', 'orders', 'products')),
    id text NOT NULL,
    body json NOT NULL,
    PRIMARY KEY (world, kind, id)
);

-- What took effect, for ever. `number` runs over all worlds in the order of commits, `seq` within one world.
CREATE TABLE IF NOT EXISTS store.ledger (
    number bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    world text NOT NULL REFERENCES store.world,
    seq integer NOT NULL,
    tool text NOT NULL,
    object text NOT NULL,
    arguments_digest text NOT NULL,
    result_digest text NOT NULL,
    key text,
    at timestamptz NOT NULL DEFAULT clock_timestamp(),
    UNIQUE (world, seq)
);
CREATE INDEX IF NOT EXISTS ledger_key ON store.ledger (world, key) WHERE key IS NOT NULL;

CREATE OR REPLACE FUNCTION store.refuse_change() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    RAISE EXCEPTION 'the ledger only grows';
END $$;
CREATE OR REPLACE TRIGGER ledger_only_grows BEFORE UPDATE OR DELETE OR TRUNCATE ON store.ledger
    FOR EACH STATEMENT EXECUTE FUNCTION store.refuse_change();

-- The reply to the first call with a key, kept for the key's life. `seq` is its effect; null when it was refused.
CREATE TABLE IF NOT EXISTS store.reply (
    world text NOT NULL REFERENCES store.world,
    key text NOT NULL CHECK (length(key) BETWEEN 1 AND 200),
    request_digest text NOT NULL,
    status integer NOT NULL,
    body json NOT NULL,
    seq integer,
    made_at timestamptz NOT NULL DEFAULT clock_timestamp(),
    PRIMARY KEY (world, key)
);

-- What goes wrong at a certain call of a world. An empty `tool` counts all calls, else those of that tool.
CREATE TABLE IF NOT EXISTS store.fault (
    world text NOT NULL REFERENCES store.world,
    tool text NOT NULL,
    call integer NOT NULL CHECK (call > 0),
    plan json NOT NULL,
    PRIMARY KEY (world, tool, call)
);
