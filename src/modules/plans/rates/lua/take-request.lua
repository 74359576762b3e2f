-- Counts a request, unless there were too many in this window.
--
-- KEYS[1]  counter: requests of the tenant in this minute
-- ARGV[1]  requests that a window may have
-- ARGV[2]  length of a window in milliseconds
-- Result   { 1 = counted, 0 = refused; requests in this window; milliseconds until it ends }
local used = tonumber(redis.call('GET', KEYS[1]) or '0')
local reset = redis.call('PTTL', KEYS[1])
local begins = reset <= 0
if begins then used, reset = 0, tonumber(ARGV[2]) end
if used >= tonumber(ARGV[1]) then return { 0, used, reset } end
-- A window that runs keeps its end to the millisecond: take-back.lua knows it by that.
if begins then
  redis.call('SET', KEYS[1], 1, 'PX', reset)
else
  redis.call('INCR', KEYS[1])
end
return { 1, used + 1, reset }
