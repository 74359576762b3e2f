-- Makes a turn's log anew and empty. Only for a producer that has just claimed the turn, or has just seen in Postgres
-- that its claim still stands. A later attempt is never overwritten.
--
-- KEYS[1]  stream with the batches
-- KEYS[2]  hash: attempt, epoch, next, sealed, whole
-- ARGV[1]  attempt of the caller
-- ARGV[2]  epoch of the new log
-- ARGV[3]  time to live of the log from now, in milliseconds
-- ARGV[4]  chunks that the caller will bring back at once, since readers may have them; 0 for a log that is new
-- Result   'ok', or 'stale' when a later attempt or a later epoch has the log
local state = redis.call('HMGET', KEYS[2], 'attempt', 'epoch')
if state[1] and tonumber(state[1]) > tonumber(ARGV[1]) then return 'stale' end
if state[2] and tonumber(state[2]) > tonumber(ARGV[2]) then return 'stale' end
redis.call('DEL', KEYS[1], KEYS[2])
redis.call('HSET', KEYS[2], 'attempt', ARGV[1], 'epoch', ARGV[2], 'next', 0, 'sealed', 0, 'whole', ARGV[4])
redis.call('PEXPIRE', KEYS[2], ARGV[3])
return 'ok'
