CREATE TEMPORARY TABLE generated (project_id int, bugs int, number int, title text[], body text[], status int, severity int,
  priority int, category text, labels text[], created_at timestamptz, chance float);

SELECT setseed(0.42);

-- $1 project, $2 how many bugs
INSERT INTO generated
SELECT $1::int, $2::int, number,
  ARRAY(SELECT 'word' || floor(5000 * random() ^ 3)::int FROM generate_series(1, 6 + number % 3)),
  ARRAY(SELECT 'word' || floor(5000 * random() ^ 3)::int FROM generate_series(1, 20 + number % 40)),
  floor(random() * 6), floor(random() * 4), floor(random() * 4),
  CASE WHEN number % 10 > 0 THEN 'category ' || number % 10 END, ARRAY['label ' || number % 15, 'area ' || number % 4],
  timestamptz '2026-01-01Z' + number * (interval '240 days' / $2::int), random()
FROM generate_series(1, $2::int) AS number;

INSERT INTO bugs (project_id, number, version, title, description, status, severity, priority, category, device,
  reporter, assignee, labels, links, fingerprint, filed_by, occurrences, comments, created_at, updated_at, last_seen_at,
  resolved_at, words)
SELECT project_id, number, 4, array_to_string(title, ' '), array_to_string(body, ' '), status, severity, priority, category,
  CASE WHEN number % 7 > 0 THEN 'device ' || number % 50 END, 'reporter ' || floor(chance * 200)::int,
  CASE WHEN number % (bugs / 20) = 0 THEN 'newcomer' WHEN chance < 0.7 THEN 'person ' || number % 20 END,
  to_jsonb(labels), '[]', 'fingerprint ' || number, 'benchmark', 1, 5, created_at, created_at + chance * interval '20 days',
  created_at, CASE WHEN status IN (2, 3) THEN created_at + chance * interval '10 days' END,
  array_to_tsvector(ARRAY(SELECT DISTINCT project_id || ':' || word FROM unnest(
    title || body || CASE WHEN number % (bugs / 20) = 0 THEN ARRAY['seldom'] ELSE ARRAY[]::text[] END) AS word))
FROM generated;

INSERT INTO bug_labels (project_id, label, bug_number)
SELECT project_id, unnest(labels), number FROM generated;

INSERT INTO bug_comments (project_id, id, bug_number, author, body, created_at)
SELECT project_id, number * 5 + place, number, 'person ' || place, array_to_string(body, ' '),
  created_at + place * interval '1 hour'
FROM generated, generate_series(1, 5) AS place;

INSERT INTO bug_changes (project_id, bug_number, version, field, time, actor, cause, before, after)
SELECT project_id, number, version, 'status', created_at + version * interval '1 day', 'person ' || version, 'update',
  '"open"', '"in_progress"'
FROM generated, generate_series(2, 4) AS version;

INSERT INTO bug_occurrences (project_id, bug_number, ordinal, time, filed_by, reporter)
SELECT project_id, number, 1, created_at, 'benchmark', 'reporter ' || floor(chance * 200)::int FROM generated;

INSERT INTO bug_spells (project_id, bug_number, version, severity, category, began_at, ended_at)
SELECT project_id, number, 1, severity, category, created_at,
  CASE WHEN status > 1 THEN created_at + chance * interval '10 days' END
FROM generated
