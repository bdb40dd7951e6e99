-- The aggregates of the Dashboard document from the facts. $1 project, $2 and $3 the period
SELECT count(*), count(*) FILTER (WHERE status = 'error'), sum(uncached_tokens), sum(cache_read_tokens),
  sum(visible_tokens), sum(cost_picousd), count(cost_picousd), avg(duration_ms), max(duration_ms), count(DISTINCT subject),
  percentile_disc(ARRAY[0.5, 0.95, 0.99]) WITHIN GROUP (ORDER BY duration_ms),
  percentile_disc(ARRAY[0.5, 0.95]) WITHIN GROUP (ORDER BY time_to_first_token_ms)
FROM usage_events WHERE project_id = $1 AND time >= $2 AND time < $3;

SELECT model, count(*), count(*) FILTER (WHERE status = 'error'), sum(uncached_tokens), sum(cache_read_tokens),
  sum(visible_tokens), sum(cost_picousd), count(cost_picousd), avg(duration_ms), max(duration_ms), count(DISTINCT subject),
  percentile_disc(ARRAY[0.5, 0.95, 0.99]) WITHIN GROUP (ORDER BY duration_ms),
  percentile_disc(ARRAY[0.5, 0.95]) WITHIN GROUP (ORDER BY time_to_first_token_ms)
FROM usage_events WHERE project_id = $1 AND time >= $2 AND time < $3 GROUP BY 1;

SELECT provider, count(*), percentile_disc(0.95) WITHIN GROUP (ORDER BY duration_ms)
FROM usage_events WHERE project_id = $1 AND time >= $2 AND time < $3 GROUP BY 1;

SELECT subject, count(*), sum(cost_picousd), sum(uncached_tokens)
FROM usage_events WHERE project_id = $1 AND time >= $2 AND time < $3 GROUP BY 1;

SELECT date_trunc('day', time), count(*), sum(cost_picousd), sum(uncached_tokens)
FROM usage_events WHERE project_id = $1 AND time >= $2 AND time < $3 GROUP BY 1;

SELECT extract(isodow FROM time), extract(hour FROM time), count(*), sum(cost_picousd)
FROM usage_events WHERE project_id = $1 AND time >= $2 AND time < $3 GROUP BY 1, 2;

SELECT corr(cost_picousd, duration_ms), count(*)
FROM usage_events WHERE project_id = $1 AND time >= $2 AND time < $3;

SELECT count(*), count(*) FILTER (WHERE status >= 500), sum(request_bytes), sum(response_bytes),
  count(*) FILTER (WHERE cache = 'hit'), count(DISTINCT subject), avg(duration_ms), max(duration_ms),
  percentile_disc(ARRAY[0.5, 0.95, 0.99]) WITHIN GROUP (ORDER BY duration_ms)
FROM api_calls WHERE project_id = $1 AND time >= $2 AND time < $3;

SELECT route, count(*), count(*) FILTER (WHERE status >= 500), sum(request_bytes), sum(response_bytes),
  count(*) FILTER (WHERE cache = 'hit'), count(DISTINCT subject), avg(duration_ms), max(duration_ms),
  percentile_disc(ARRAY[0.5, 0.95, 0.99]) WITHIN GROUP (ORDER BY duration_ms)
FROM api_calls WHERE project_id = $1 AND time >= $2 AND time < $3 GROUP BY 1;

SELECT date_trunc('hour', time), count(*), count(*) FILTER (WHERE status >= 500),
  percentile_disc(0.95) WITHIN GROUP (ORDER BY duration_ms)
FROM api_calls WHERE project_id = $1 AND time >= $2 AND time < $3 GROUP BY 1
