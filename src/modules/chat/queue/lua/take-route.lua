-- Takes one of the places of a model route, counted over all replicas. Places of replicas that died run out by themselves.
--
-- KEYS[1]  sorted set: turn -> when its place runs out, in milliseconds of Redis' own clock
-- ARGV[1]  turn
-- ARGV[2]  places there are
-- ARGV[3]  milliseconds that the place is held for without being renewed
-- ARGV[4]  1 = take it even when there is none left (a turn that is taken over has its place already)
-- Result   1 when the turn has a place, 0 when there is none
local time = redis.call('TIME')
local now = time[1] * 1000 + math.floor(time[2] / 1000)
redis.call('ZREMRANGEBYSCORE', KEYS[1], '-inf', now)
local held = redis.call('ZSCORE', KEYS[1], ARGV[1])
if not held and ARGV[4] ~= '1' and redis.call('ZCARD', KEYS[1]) >= tonumber(ARGV[2]) then return 0 end
redis.call('ZADD', KEYS[1], now + ARGV[3], ARGV[1])
redis.call('PEXPIRE', KEYS[1], ARGV[3])
return 1
