-- How a tenant stands right now.
--
-- KEYS[1]  counter: requests of the tenant in this minute
-- KEYS[2]  sorted set of the tenant's turns: turn -> when its place runs out, in milliseconds of Redis' own clock
-- KEYS[3]  hash of the tenant's open sockets: boot id of a replica -> "<sockets>:<time, seconds>"
-- ARGV[1]  seconds after which a count of sockets that was not written again is too old
-- Result   { requests in this window, milliseconds until it ends (0 = none has begun), turns, sockets }
local time = redis.call('TIME')
local now = time[1] * 1000 + math.floor(time[2] / 1000)
local requests = tonumber(redis.call('GET', KEYS[1]) or '0')
local reset = math.max(0, redis.call('PTTL', KEYS[1]))
local turns = redis.call('ZCOUNT', KEYS[2], '(' .. string.format('%.0f', now), '+inf')
local sockets = 0
for _, value in ipairs(redis.call('HVALS', KEYS[3])) do
  local count, written = string.match(value, '^(%d+):(%d+)$')
  if count and now / 1000 - tonumber(written) <= tonumber(ARGV[1]) then sockets = sockets + tonumber(count) end
end
return { requests, reset, turns, sockets }
