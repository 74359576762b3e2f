-- Takes a turn's log for an attempt: raises the fence and gives the log so far. Afterwards every append of an earlier
-- attempt is refused, and so is a log that one makes late: where there is none, the fence stands alone.
--
-- KEYS[1]  stream with the batches
-- KEYS[2]  hash: attempt, epoch, next, sealed
-- ARGV[1]  attempt of the caller
-- ARGV[2]  time to live of the log from now, in milliseconds
-- Result   { 'ok', epoch, next, sealed, entries of the stream }
--          { 'missing' } there is no log, or one that is being brought back and is not whole yet
--          { 'stale' }   a later attempt has the log
local state = redis.call('HMGET', KEYS[2], 'attempt', 'epoch', 'next', 'sealed', 'whole')
if state[1] and tonumber(state[1]) > tonumber(ARGV[1]) then return { 'stale' } end
if not state[2] then
  redis.call('HSET', KEYS[2], 'attempt', ARGV[1])
  redis.call('PEXPIRE', KEYS[2], ARGV[2])
  return { 'missing' }
end
if tonumber(state[3]) < tonumber(state[5] or 0) then return { 'missing' } end
redis.call('HSET', KEYS[2], 'attempt', ARGV[1])
redis.call('PEXPIRE', KEYS[1], ARGV[2])
redis.call('PEXPIRE', KEYS[2], ARGV[2])
return { 'ok', state[2], state[3], state[4], redis.call('XRANGE', KEYS[1], '-', '+') }
