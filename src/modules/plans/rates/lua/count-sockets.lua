-- Takes one more socket of an owner into the count over all replicas, unless there are too many.
--
-- KEYS[1]  hash of one owner: boot id of a replica -> "<sockets>:<time, seconds>"
-- ARGV[1]  boot id of the caller
-- ARGV[2]  open sockets of the owner at the caller, the new one included
-- ARGV[3]  most sockets that the owner may have
-- ARGV[4]  seconds after which a count that was not written again is too old
-- ARGV[5…] boot ids of replicas that are known to be gone
-- Result   1 when the new socket may stay, 0 when there are too many
local now = tonumber(redis.call('TIME')[1])
local gone = {}
for at = 5, #ARGV do gone[ARGV[at]] = true end
local total = tonumber(ARGV[2])
local counts = redis.call('HGETALL', KEYS[1])
for at = 1, #counts, 2 do
  local replica = counts[at]
  local sockets, time = string.match(counts[at + 1], '^(%d+):(%d+)$')
  if replica ~= ARGV[1] then
    if gone[replica] or not time or now - tonumber(time) > tonumber(ARGV[4]) then
      redis.call('HDEL', KEYS[1], replica)
    else
      total = total + tonumber(sockets)
    end
  end
end
if total > tonumber(ARGV[3]) then return 0 end
redis.call('HSET', KEYS[1], ARGV[1], ARGV[2] .. ':' .. now)
redis.call('EXPIRE', KEYS[1], ARGV[4])
return 1
