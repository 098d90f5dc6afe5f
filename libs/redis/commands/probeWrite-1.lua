-- A write like those of receiving and deleting: a full Redis takes it where it takes those.
-- KEYS[1] key of the probe · ARGV: value, life (ms)
-- → OK
return redis.call('SET', KEYS[1], ARGV[1], 'PX', ARGV[2])
