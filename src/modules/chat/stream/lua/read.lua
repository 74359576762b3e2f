-- Reads a turn's log from a sequence number on, in one consistent step.
--
-- KEYS[1]  stream with the batches
-- KEYS[2]  hash: attempt, epoch, next, sealed
-- ARGV[1]  first sequence number that is wanted
-- Result   { epoch, next, sealed, entries }: batches that hold it and all later ones; the first may begin earlier
--          {}  there is no log
local state = redis.call('HMGET', KEYS[2], 'epoch', 'next', 'sealed')
if not state[1] then return {} end
local from = '-'
if tonumber(ARGV[1]) > 0 then
  local before = redis.call('XREVRANGE', KEYS[1], (tonumber(ARGV[1]) + 1) .. '-0', '-', 'COUNT', 1)
  if before[1] then from = before[1][1] end
end
return { state[1], state[2], state[3], redis.call('XRANGE', KEYS[1], from, '+') }
