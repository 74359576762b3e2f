-- Renews the places of a turn; those that are not there are written again, where the caller is sure of the turn.
--
-- KEYS[1]  sorted set of the tenant's turns: turn -> when its place runs out, in milliseconds of Redis' own clock
-- KEYS[2]  the same of the visitor's turns
-- ARGV[1]  turn
-- ARGV[2]  milliseconds that a place is held for without being renewed
-- ARGV[3]  1 = only places that are there
-- Result   1
local time = redis.call('TIME')
local now = time[1] * 1000 + math.floor(time[2] / 1000)
for at = 1, 2 do
  if ARGV[3] == '1' then
    redis.call('ZADD', KEYS[at], 'XX', now + ARGV[2], ARGV[1])
  else
    redis.call('ZADD', KEYS[at], now + ARGV[2], ARGV[1])
  end
  redis.call('PEXPIRE', KEYS[at], ARGV[2])
end
return 1
