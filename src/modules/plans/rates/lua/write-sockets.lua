-- Writes how many sockets of an owner are open at a replica, with the time: Redis' own, since replicas may not agree on theirs.
--
-- KEYS[1]  hash of one owner: boot id of a replica -> "<sockets>:<time, seconds>"
-- ARGV[1]  boot id of the caller
-- ARGV[2]  open sockets of the owner at the caller; 0 = its count goes
-- ARGV[3]  seconds after which a count that was not written again is too old
-- Result   1
if ARGV[2] == '0' then
  redis.call('HDEL', KEYS[1], ARGV[1])
else
  redis.call('HSET', KEYS[1], ARGV[1], ARGV[2] .. ':' .. redis.call('TIME')[1])
  redis.call('EXPIRE', KEYS[1], ARGV[3])
end
return 1
