-- Appends batches to the logs of turns of one tenant, each unless a later attempt has fenced its caller off.
--
-- KEYS     for each batch two: the stream with the batches (t:{tenant}:turn:{turn}:log), and the hash with attempt, epoch, next
--          and sealed (t:{tenant}:turn:{turn}:state); the channel to publish on is named like them
-- ARGV[1]  for each batch seven numbers, with a colon between them and a blank after: attempt and epoch of the caller,
--          sequence number of the first chunk, number of chunks, 1 = the last batch (seal the log), time to live of the log from
--          now in milliseconds (0 = leave it), length of the batch in bytes
-- ARGV[2]  the batches, encrypted, one after the other
-- Result   'ok' when that is the outcome of all, otherwise the outcomes in order:
--          'ok'      appended, or appended before (a retry of the same batch)
--          'missing' there is no log: Redis was flushed
--          'stale'   another attempt or epoch owns the log, or it is sealed
--          'gap'     the batch does not follow the last one
local call = redis.call

local function append(log, key, attempt, epoch, first, count, last, ttl, bytes)
  local state = call('HMGET', key, 'attempt', 'epoch', 'next', 'sealed')
  if not state[1] or (not state[2] and state[1] == attempt) then return 'missing' end
  if state[1] ~= attempt or state[2] ~= epoch then return 'stale' end
  local from, expected = tonumber(first), tonumber(state[3])
  local following = from + tonumber(count)
  if following <= expected then return 'ok' end
  if state[4] == '1' then return 'stale' end
  if from ~= expected then return 'gap' end
  call('XADD', log, (from + 1) .. '-0', 'a', attempt, 'n', count, 'b', bytes)
  if last == '1' then call('HSET', key, 'next', following, 'sealed', 1) else call('HSET', key, 'next', following) end
  if ttl ~= '0' then
    call('PEXPIRE', log, ttl)
    call('PEXPIRE', key, ttl)
  end
  local head = attempt .. ':' .. epoch .. ':' .. first .. ':' .. count .. ':' .. last
  call('PUBLISH', string.sub(key, 1, -6) .. 'channel', head .. '\n' .. bytes)
  return 'ok'
end

local outcomes, all, at, offset = {}, true, 0, 1
for attempt, epoch, first, count, last, ttl, length in
  string.gmatch(ARGV[1], '(%d+):(%d+):(%d+):(%d+):(%d+):(%d+):(%d+) ') do
  local stop = offset + tonumber(length)
  at = at + 1
  outcomes[at] =
    append(KEYS[2 * at - 1], KEYS[2 * at], attempt, epoch, first, count, last, ttl, string.sub(ARGV[2], offset, stop - 1))
  offset = stop
  if outcomes[at] ~= 'ok' then all = false end
end
if all then return 'ok' end
return outcomes
