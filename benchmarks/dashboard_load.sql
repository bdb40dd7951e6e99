-- $1 project, $2 start, $3 length of the period, $4 half of the events: as many model calls as API calls, in commit order
INSERT INTO usage_events (project_id, time, id, seq, provider, model, operation, subject, status, duration_ms,
  time_to_first_token_ms, uncached_tokens, cache_read_tokens, cache_write_tokens, visible_tokens, reasoning_tokens,
  cost_picousd, cost_source, estimated, attributes)
SELECT $1::int, $2::timestamptz + n * ($3::interval / $4::int), n::text, n + 1, 'provider-' || m % 3, 'model-' || m,
  'chat', 'subject-' || floor(500 * random() ^ 2)::int, CASE WHEN random() < 0.98 THEN 'ok' ELSE 'error' END,
  exp(6 + random() + random()), exp(4 + random()), 100 + (random() * 1000)::int, (random() * 100)::int, 0,
  (random() * 500)::int, 0, (random() * 1e10)::bigint, 'book', false, '{}'
FROM (SELECT n, floor(10 * random() ^ 2)::int AS m FROM generate_series(0, $4::int - 1) n) numbered;

INSERT INTO api_calls (project_id, time, id, seq, method, route, status, duration_ms, request_bytes, response_bytes,
  subject, cache, attributes)
SELECT $1::int, $2::timestamptz + n * ($3::interval / $4::int), n::text, $4::int + n + 1, 'GET',
  '/route-' || floor(100 * random() ^ 2)::int, CASE WHEN random() < 0.97 THEN 200 WHEN random() < 0.6 THEN 404 ELSE 500 END,
  exp(2 + random() + random()), 0, (random() * 100000)::int, 'subject-' || floor(500 * random() ^ 2)::int,
  CASE WHEN random() < 0.5 THEN 'hit' ELSE 'miss' END, '{}'
FROM generate_series(0, $4::int - 1) n;

INSERT INTO commits (project_id, first_seq, last_seq, min_time, max_time, committed_at)
SELECT $1::int, seq, least(seq + 4999, 2 * $4::int), $2::timestamptz, $2::timestamptz + $3::interval, now()
FROM generate_series(1, 2 * $4::int, 5000) seq;

UPDATE counters SET last_seq = 2 * $4::int, floor = least(floor, $2::timestamptz - $3::interval) WHERE project_id = $1::int
