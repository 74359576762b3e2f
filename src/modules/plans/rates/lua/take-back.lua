-- Takes back what a turn was let in with: its places, and its counts where the windows still run that it was counted in.
--
-- Copies beyond their own bound stay counted: whoever sends one again and again is refused in the end.
--
-- KEYS[1…5] as in enter.lua
-- ARGV[1]   turn
-- ARGV[2…3] when the windows end that it was counted in, as enter.lua said; 0 = it was not counted
-- ARGV[4]   length of a window in milliseconds
-- ARGV[5]   how many copies are taken back in a minute
-- Result    1
local copies = redis.call('INCR', KEYS[5])
if copies == 1 then redis.call('PEXPIRE', KEYS[5], ARGV[4]) end
for at = 1, 2 do
  local ends = tonumber(ARGV[1 + at])
  -- A window that began since has not counted it.
  if copies <= tonumber(ARGV[5]) and ends > 0 and redis.call('PEXPIRETIME', KEYS[at]) == ends and tonumber(redis.call('GET', KEYS[at])) > 0 then
    redis.call('DECR', KEYS[at])
  end
end
for at = 3, 4 do redis.call('ZREM', KEYS[at], ARGV[1]) end
return 1
