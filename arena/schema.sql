-- The tables, one for each record in records.py, as numbered migrations; then the views.
-- A migration that has been released is never edited: add the next number.
-- No foreign keys (they block ALTER and DELETE) and one index at most beyond the primary key.

-- migration 1: the arena
CREATE TABLE instruction (
    id VARCHAR PRIMARY KEY,
    turns VARCHAR[] NOT NULL,
    category VARCHAR NOT NULL,
    language VARCHAR NOT NULL,
    source VARCHAR NOT NULL,
    reference VARCHAR[] NOT NULL,
    "check" JSON NOT NULL
);
CREATE TABLE test_set (
    name VARCHAR PRIMARY KEY,
    recipe VARCHAR NOT NULL,
    purpose VARCHAR NOT NULL,
    size INTEGER NOT NULL,
    seed BIGINT NOT NULL,
    source VARCHAR NOT NULL,
    embedding VARCHAR NOT NULL,
    difficulty VARCHAR NOT NULL,
    settings JSON NOT NULL,
    content_hash VARCHAR NOT NULL,
    recorded BOOLEAN NOT NULL,
    made_at DOUBLE NOT NULL
);
CREATE TABLE pick (
    testset VARCHAR NOT NULL,
    instruction VARCHAR NOT NULL,
    position INTEGER NOT NULL,
    cluster INTEGER,
    difficulty DOUBLE,
    PRIMARY KEY (testset, instruction)
);
CREATE TABLE difficulty (
    instruction VARCHAR NOT NULL,
    rater VARCHAR NOT NULL,
    score DOUBLE,
    explanation VARCHAR NOT NULL,
    outcome VARCHAR NOT NULL,
    run VARCHAR NOT NULL,
    made_at DOUBLE NOT NULL,
    PRIMARY KEY (instruction, rater)
);
CREATE TABLE contender (
    name VARCHAR PRIMARY KEY,
    backend VARCHAR NOT NULL,
    location VARCHAR NOT NULL,
    model VARCHAR NOT NULL,
    key_env VARCHAR NOT NULL,
    system_prompt VARCHAR NOT NULL,
    sampling JSON NOT NULL,
    options JSON NOT NULL,
    licence VARCHAR NOT NULL,
    organisation VARCHAR NOT NULL,
    description VARCHAR NOT NULL,
    parent VARCHAR NOT NULL,
    stage VARCHAR NOT NULL,
    iteration INTEGER,
    round VARCHAR NOT NULL,
    hidden BOOLEAN NOT NULL,
    recorded BOOLEAN NOT NULL,
    made_at DOUBLE NOT NULL
);
CREATE TABLE response (
    id VARCHAR PRIMARY KEY,
    contender VARCHAR NOT NULL,
    instruction VARCHAR NOT NULL,
    sampling VARCHAR NOT NULL,
    sample INTEGER NOT NULL,
    answers VARCHAR[] NOT NULL,
    outcome VARCHAR NOT NULL,
    finish_reason VARCHAR NOT NULL,
    tokens_in INTEGER NOT NULL,
    tokens_out INTEGER NOT NULL,
    seconds DOUBLE NOT NULL,
    error VARCHAR NOT NULL,
    run VARCHAR NOT NULL,
    made_at DOUBLE NOT NULL
);
CREATE TABLE judge (
    name VARCHAR PRIMARY KEY,
    kind VARCHAR NOT NULL,
    contender VARCHAR NOT NULL,
    prompt VARCHAR NOT NULL,
    prompt_hash VARCHAR NOT NULL,
    settings JSON NOT NULL,
    recorded BOOLEAN NOT NULL,
    made_at DOUBLE NOT NULL
);
CREATE TABLE judgement (
    id VARCHAR PRIMARY KEY,
    judge VARCHAR NOT NULL,
    prompt_hash VARCHAR NOT NULL,
    instruction VARCHAR NOT NULL,
    first VARCHAR NOT NULL,
    second VARCHAR NOT NULL,
    score_first DOUBLE,
    score_second DOUBLE,
    explanation VARCHAR NOT NULL,
    outcome VARCHAR NOT NULL,
    raw VARCHAR NOT NULL,
    tokens_in INTEGER NOT NULL,
    tokens_out INTEGER NOT NULL,
    seconds DOUBLE NOT NULL,
    run VARCHAR NOT NULL,
    made_at DOUBLE NOT NULL
);
CREATE TABLE battle (
    id VARCHAR PRIMARY KEY,
    instruction VARCHAR NOT NULL,
    contender_a VARCHAR NOT NULL,
    contender_b VARCHAR NOT NULL,
    winner VARCHAR NOT NULL,
    judge VARCHAR NOT NULL,
    prompt_hash VARCHAR NOT NULL,
    response_a VARCHAR NOT NULL,
    response_b VARCHAR NOT NULL,
    score_a DOUBLE,
    score_b DOUBLE,
    margin DOUBLE,
    flipped BOOLEAN NOT NULL,
    source VARCHAR NOT NULL,
    category VARCHAR NOT NULL,
    language VARCHAR NOT NULL,
    weight DOUBLE NOT NULL,
    run VARCHAR NOT NULL,
    recorded BOOLEAN NOT NULL,
    made_at DOUBLE NOT NULL
);
CREATE TABLE vote (
    voter VARCHAR NOT NULL,
    battle VARCHAR NOT NULL,
    winner VARCHAR NOT NULL,
    blind BOOLEAN NOT NULL,
    note VARCHAR NOT NULL,
    tags VARCHAR[] NOT NULL,
    made_at DOUBLE NOT NULL,
    PRIMARY KEY (voter, battle)
);
CREATE TABLE training_set (
    name VARCHAR PRIMARY KEY,
    stage VARCHAR NOT NULL,
    strategy VARCHAR NOT NULL,
    student VARCHAR NOT NULL,
    settings JSON NOT NULL,
    size INTEGER NOT NULL,
    content_hash VARCHAR NOT NULL,
    recorded BOOLEAN NOT NULL,
    made_at DOUBLE NOT NULL
);
CREATE TABLE example (
    id VARCHAR PRIMARY KEY,
    training_set VARCHAR NOT NULL,
    position INTEGER NOT NULL,
    instruction VARCHAR NOT NULL,
    turns VARCHAR[] NOT NULL,
    chosen VARCHAR[] NOT NULL,
    rejected VARCHAR[] NOT NULL,
    teacher VARCHAR NOT NULL,
    margin DOUBLE,
    battle VARCHAR NOT NULL
);
CREATE TABLE round (
    name VARCHAR PRIMARY KEY,
    stage VARCHAR NOT NULL,
    student VARCHAR NOT NULL,
    training_set VARCHAR NOT NULL,
    checkpoint VARCHAR NOT NULL,
    iteration INTEGER,
    run VARCHAR NOT NULL,
    settings JSON NOT NULL,
    metrics JSON NOT NULL,
    recorded BOOLEAN NOT NULL,
    made_at DOUBLE NOT NULL
);
CREATE TABLE snapshot (
    id VARCHAR PRIMARY KEY,
    name VARCHAR NOT NULL,
    settings JSON NOT NULL,
    rows JSON NOT NULL,
    content_hash VARCHAR NOT NULL,
    made_at DOUBLE NOT NULL
);
CREATE TABLE reference (
    "table" VARCHAR NOT NULL,
    model VARCHAR NOT NULL,
    rating DOUBLE NOT NULL,
    low DOUBLE,
    high DOUBLE,
    rank INTEGER,
    votes BIGINT,
    organisation VARCHAR NOT NULL,
    licence VARCHAR NOT NULL,
    date VARCHAR NOT NULL,
    note VARCHAR NOT NULL,
    PRIMARY KEY ("table", model)
);
CREATE TABLE alias (
    contender VARCHAR NOT NULL,
    "table" VARCHAR NOT NULL,
    model VARCHAR NOT NULL,
    made_at DOUBLE NOT NULL,
    PRIMARY KEY (contender, "table")
);
-- How far each run's journals have been read; moves in the same transaction as the rows it covers.
CREATE TABLE journal (
    run VARCHAR NOT NULL,
    file VARCHAR NOT NULL,
    "offset" BIGINT NOT NULL,
    PRIMARY KEY (run, file)
);

-- migration 2: how battles were read, and picks by hand for training
CREATE TABLE reading (
    reader VARCHAR NOT NULL,
    battle VARCHAR NOT NULL,
    blind BOOLEAN NOT NULL,
    made_at DOUBLE NOT NULL,
    PRIMARY KEY (reader, battle)
);
CREATE TABLE hand_pick (
    battle VARCHAR PRIMARY KEY,
    keep BOOLEAN NOT NULL,
    "by" VARCHAR NOT NULL,
    made_at DOUBLE NOT NULL
);
