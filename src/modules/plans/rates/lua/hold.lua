-- Renews the places of a turn, or writes them again where Redis has forgotten them.
--
-- KEYS[1]  sorted set of the tenant's turns: turn -> when its place runs out, in milliseconds of Redis' own clock
-- KEYS[2]  the same of the visitor's turns
-- ARGV[1]  turn
-- ARGV[2]  milliseconds that a place is held for without being renewed
-- Result   1
local time = redis.call('TIME')
local now = time[1] * 1000 + math.floor(time[2] / 1000)
for at = 1, 2 do
  redis.call('ZADD', KEYS[at], now + ARGV[2], ARGV[1])
  redis.call('PEXPIRE', KEYS[at], ARGV[2])
end
return 1
