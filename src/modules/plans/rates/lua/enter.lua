-- Lets a turn in when no rate and no count of turns at once refuses it. Where one does, nothing is taken.
--
-- KEYS[1]  counter: messages of the visitor in this minute
-- KEYS[2]  counter: requests of the tenant in this minute
-- KEYS[3]  sorted set of the tenant's turns: turn -> when its place runs out, in milliseconds of Redis' own clock
-- KEYS[4]  the same of the visitor's turns
-- KEYS[5]  counter: sends of the visitor in this minute that may be copies of one that came in before
-- ARGV[1]  turn
-- ARGV[2]  length of a window in milliseconds
-- ARGV[3]  milliseconds that a place is held for without being renewed
-- ARGV[4…7]  the four limits in the order of the keys; -1 = none, and nothing is counted
-- ARGV[8]  how many of those may be looked up in a minute
-- Result   { which key refuses (0 = none), milliseconds to wait,
--            messages in this window, milliseconds until it ends, requests in this window, milliseconds until it ends,
--            when the two windows end that it was counted in, in milliseconds of Redis' own clock (0 = not counted),
--            1 when one that is refused may be looked up }
local time = redis.call('TIME')
local now = time[1] * 1000 + math.floor(time[2] / 1000)
local window = tonumber(ARGV[2])
-- A place at once may be free in a moment: nobody knows when.
local moment = 1000
local refused, wait = 0, 0
local function refuse(at, ms)
  if refused == 0 or ms > wait then refused, wait = at, ms end
end
local limits, used, reset, begins = {}, {}, {}, {}
for at = 1, 4 do limits[at] = tonumber(ARGV[3 + at]) end
for at = 1, 2 do
  used[at] = tonumber(redis.call('GET', KEYS[at]) or '0')
  reset[at] = redis.call('PTTL', KEYS[at])
  begins[at] = reset[at] <= 0
  if begins[at] then used[at], reset[at] = 0, window end
  if limits[at] >= 0 and used[at] >= limits[at] then refuse(at, reset[at]) end
end
for at = 3, 4 do
  if limits[at] >= 0 then
    redis.call('ZREMRANGEBYSCORE', KEYS[at], '-inf', now)
    if not redis.call('ZSCORE', KEYS[at], ARGV[1]) and redis.call('ZCARD', KEYS[at]) >= limits[at] then refuse(at, moment) end
  end
end
local counted, looked = { 0, 0 }, 0
if refused > 0 then
  local copies = redis.call('INCR', KEYS[5])
  if copies == 1 then redis.call('PEXPIRE', KEYS[5], window) end
  if copies <= tonumber(ARGV[8]) then looked = 1 end
else
  for at = 1, 2 do
    if limits[at] >= 0 then
      used[at] = used[at] + 1
      -- A window that runs keeps its end to the millisecond: take-back.lua knows it by that.
      if begins[at] then
        redis.call('SET', KEYS[at], used[at], 'PX', window)
      else
        redis.call('INCR', KEYS[at])
      end
      counted[at] = redis.call('PEXPIRETIME', KEYS[at])
    end
  end
  for at = 3, 4 do
    if limits[at] >= 0 then
      redis.call('ZADD', KEYS[at], now + ARGV[3], ARGV[1])
      redis.call('PEXPIRE', KEYS[at], ARGV[3])
    end
  end
end
return { refused, wait, used[1], reset[1], used[2], reset[2], counted[1], counted[2], looked }
