-- Appends one batch to a turn's log, unless a later attempt has fenced the caller off.
--
-- KEYS[1]  stream with the batches            (t:{tenant}:turn:{turn}:log)
-- KEYS[2]  hash: attempt, epoch, next, sealed (t:{tenant}:turn:{turn}:state)
-- ARGV[1]  attempt of the caller
-- ARGV[2]  epoch of the caller's log
-- ARGV[3]  sequence number of the batch's first chunk
-- ARGV[4]  number of chunks in the batch
-- ARGV[5]  the batch, encrypted
-- ARGV[6]  channel to publish on
-- ARGV[7]  1 = the last batch: seal the log
-- ARGV[8]  time to live of the log from now, in milliseconds
-- Result   'ok'      appended, or appended before (a retry of the same batch)
--          'missing' there is no log: Redis was flushed
--          'stale'   another attempt or epoch owns the log, or it is sealed
--          'gap'     the batch does not follow the last one
local state = redis.call('HMGET', KEYS[2], 'attempt', 'epoch', 'next', 'sealed')
if not state[1] then return 'missing' end
if state[1] ~= ARGV[1] or state[2] ~= ARGV[2] then return 'stale' end
local first, count, expected = tonumber(ARGV[3]), tonumber(ARGV[4]), tonumber(state[3])
if first + count <= expected then return 'ok' end
if state[4] == '1' then return 'stale' end
if first ~= expected then return 'gap' end
redis.call('XADD', KEYS[1], (first + 1) .. '-0', 'a', ARGV[1], 'n', ARGV[4], 'b', ARGV[5])
redis.call('HSET', KEYS[2], 'next', first + count, 'sealed', ARGV[7])
redis.call('PEXPIRE', KEYS[1], ARGV[8])
redis.call('PEXPIRE', KEYS[2], ARGV[8])
redis.call('PUBLISH', ARGV[6], table.concat({ ARGV[1], ARGV[2], ARGV[3], ARGV[4], ARGV[7] }, ':') .. '\n' .. ARGV[5])
return 'ok'
