-- Shares one provider key's requests and tokens per window (a minute) among all replicas: takes in what was learned, gives
-- back what was not used, grants calls in order, and allows a replica some more without asking. The README beside this folder
-- says why it is so.
--
-- KEYS[1]  hash of one key: per kind (requests, tokens) what is known, who waits ("line:<replica>"), and what replicas may grant
--          without asking ("hold:<replica>")
-- ARGV[1]  JSON {
--            replica    who asks
--            replicas   how many there are
--            windowMs   what providers call a minute
--            taken      {requests, tokens}: granted without asking since the caller's last exchange
--            counted    {requests, tokens}: whether a limit was known when they were granted
--            knownAt    `now` of the caller's last reply; 0 without one
--            largest    tokens of its largest call of late; absent when it wants no allowance
--            allowedMs  how long it would use one
--            known      {requests?, tokens?}: limits that the caller remembers; they stand in when this hash was lost
--            learned    [{ageMs, refused, pauseMs?, cost, mark?, requests?, tokens?}]: answers, oldest first.
--                       mark {requests, tokens}: all that was granted up to that call; requests, tokens {limit?, remaining?, resetMs?}
--            unused     {requests, tokens}: granted but never sent
--            back       tokens that were sent but not used; negative when more were used
--            line       true when what is not granted goes on waiting
--            calls      [{tokens, live, waitedMs, since?}] in order; since: an earlier reply's time less what was waited then
--            waiting    {requests, tokens}: all that waits at the caller, `calls` included
--          }
-- Result   JSON {now, granted, waitMs, pausedMs, requests, tokens, others, calm, allowed?}: how many of the calls were granted,
--          milliseconds until the next one could be (0 when all were), what is known (limit?, guessed, level?, rate?, theirs?, granted:
--          lately, per millisecond, total: granted ever, before `calls`), how much waits elsewhere {requests, tokens}, whether nobody waits
--          and there is much room, and what may be granted without asking {requests?, tokens?} (absent: none; a kind absent: any number)
local ask = cjson.decode(ARGV[1])
local window = ask.windowMs

local used = 0.98          -- part of a limit that is used: what others do is known a little late
local burstPart = 0.1      -- part of a limit that may go out at once
local theirMargin = 0.01   -- part of a limit that is left where the provider counts: calls overtake each other on the way
local reserve = 0.2        -- part that background work leaves free
local shrink = 0.85        -- what is left of the pace after a refusal
local recover = 0.05 / window -- how fast it comes back, per millisecond
local calmMs = 5 * window  -- so long after the last refusal it comes back faster: twice as much each window
local leastShare = 0.05
local mostGuessed = 100    -- a limit that was only guessed is forgotten when the pace has become so many times as fast
local leastToGuess = 10    -- requests in a window of which a limit can be guessed; whoever sends fewer only pauses
local graceMs = math.max(250, window / 240) -- how late a waiting replica may be until it loses its place
local nearPart = 0.2       -- a key is far from its limits while so much is left where the provider counts,
local nearLevel = 0.5      -- and so much of what may go out at once
local allowedPart = 0.5    -- part of what is there that all replicas together may grant without asking
local leastAllowed = 4     -- calls; less is not worth keeping it from the others
local holdMs = 1.5 * ask.allowedMs -- what was granted so is told somewhat after an allowance has ended

local time = redis.call('TIME')
local now = tonumber(time[1]) * 1000 + tonumber(time[2]) / 1000
local hash = {}
local flat = redis.call('HGETALL', KEYS[1])
for at = 1, #flat, 2 do hash[flat[at]] = flat[at + 1] end
local function number(field) return tonumber(hash[field]) end

local share = number('share') or 1
local paused = number('paused') or 0
local strikes = number('strikes') or 0
local shrunk = number('shrunk') or -1
local refusedAt = number('refusedAt') or 0
local guessedAt = number('guessedAt') or -1
local at = number('at') or now

local kinds = {}
for _, name in ipairs({ 'requests', 'tokens' }) do
  kinds[name] = {
    limit = number(name .. ':limit') or ask.known[name],
    guessed = hash[name .. ':guessed'] == '1',
    window = number(name .. ':window') or window,
    level = number(name .. ':level'),
    theirs = number(name .. ':theirs'),
    resets = number(name .. ':resets'),
    slope = number(name .. ':slope'),
    stepsAt = number(name .. ':stepsAt'),
    mark = number(name .. ':mark') or -1,
    -- Begins at the time, so that marks from before the hash was lost lie below it.
    start = number(name .. ':start') or math.floor(now),
    total = number(name .. ':total') or math.floor(now),
    lately = number(name .. ':lately') or 0,
  }
end
local requests, tokens = kinds.requests, kinds.tokens

-- Size and pace of a kind's bucket. A limit of a day is not spread over it: there the provider's own count decides.
local function measure(kind)
  if not kind.limit then kind.level = nil return end
  local limit = kind.limit * (kind.guessed and share or math.min(share, 1))
  kind.rate = limit * used / kind.window
  kind.burst = math.max(1, limit * (kind.window > window and 1 or burstPart))
  kind.level = math.min(limit, kind.level or kind.burst)
end

-- Who waits elsewhere, and what others may grant without asking. What the caller might is told or void by now.
local own, ownHold = 'line:' .. ask.replica, 'hold:' .. ask.replica
local others = { requests = 0, tokens = 0 }
local held = { requests = 0, tokens = 0 }
local heads = {}
local liveComesAt
for field, value in pairs(hash) do
  if string.sub(field, 1, 5) == 'line:' and field ~= own then
    local head = {}
    for part in string.gmatch(value, '%S+') do head[#head + 1] = tonumber(part) end
    local since, comesAt, cost, live, waitingRequests, waitingTokens = unpack(head)
    if not waitingTokens or now > comesAt + graceMs then
      redis.call('HDEL', KEYS[1], field)
    else
      others.requests = others.requests + waitingRequests
      others.tokens = others.tokens + waitingTokens
      heads[#heads + 1] = { since = since, cost = cost, live = live == 1 }
      if live == 1 then liveComesAt = math.min(liveComesAt or comesAt, comesAt) end
    end
  elseif string.sub(field, 1, 5) == 'hold:' and field ~= ownHold then
    local holdUntil, heldRequests, heldTokens = string.match(value, '^(%S+) (%S+) (%S+)$')
    if not holdUntil or now > tonumber(holdUntil) then
      redis.call('HDEL', KEYS[1], field)
    else
      held.requests, held.tokens = held.requests + tonumber(heldRequests), held.tokens + tonumber(heldTokens)
    end
  end
end
local somebodyWaits = hash[own] or #heads > 0

-- Time passes. Nothing flows in during a pause, or everybody would come at once after it.
local passed = math.max(0, now - at)
local flowed = math.max(0, now - math.max(at, math.min(paused, now)))
local untold = (requests.guessed or not requests.limit) and (tokens.guessed or not tokens.limit)
share = now - refusedAt > calmMs and share * 2 ^ (math.min(flowed, 10 * window) / window) or share + flowed * recover
share = math.min(untold and mostGuessed or 1, share)
for _, kind in pairs(kinds) do
  if kind.guessed and share >= mostGuessed then kind.limit, kind.guessed = nil, false end
  measure(kind)
  if kind.limit then
    local flow = kind.rate * flowed
    -- What those who wait have not fetched yet is not lost. More than that is there when shares were given back, and does not last.
    local most = somebodyWaits and 3 * kind.burst or kind.burst
    if kind.level > most then kind.level = math.max(most, kind.level - flow) else kind.level = math.min(most, kind.level + flow) end
  end
  kind.lately = kind.lately * math.exp(-passed / kind.window)
  if kind.resets and now >= kind.resets then
    kind.theirs, kind.resets, kind.slope = nil, nil, nil
  elseif kind.theirs and kind.slope then
    kind.theirs = math.min(kind.limit or math.huge, kind.theirs + kind.slope * passed)
  end
end

-- Times come back to a tenth of a millisecond: cjson writes fourteen digits.
local knewRefusal = ask.knownAt + 1 >= refusedAt

-- What the caller has granted without asking counts as granted now, before any answer is heard.
for name, kind in pairs(kinds) do
  local cost = ask.taken[name]
  -- Whoever did not know of a limit, or of its last refusal, could not keep to it: that empties the bucket, but nobody pays it off.
  -- Who knew owes what is more than there was. What was granted before anybody knew of a limit does not count.
  if kind.level and (hash[name .. ':level'] or ask.counted[name]) then
    local knew = ask.counted[name] and knewRefusal
    kind.level = math.max(kind.level - cost, knew and -math.huge or math.min(0, kind.level))
  end
  if kind.theirs then kind.theirs = kind.theirs - cost end
  kind.total, kind.lately = kind.total + cost, kind.lately + cost
end
if ask.taken.requests > 0 and not knewRefusal then
  -- Those were under way, too, when the pace was slowed down.
  if guessedAt == shrunk then
    for name, kind in pairs(kinds) do if kind.guessed then kind.limit = kind.limit + ask.taken[name] end end
    guessedAt = requests.total
  end
  shrunk = requests.total
end

-- The provider's word on one kind.
local function hear(kind, told, mark, ageMs, isRequests)
  if told.limit then
    kind.limit, kind.guessed = told.limit, false
    -- Some count requests by the day in the same headers (OpenAI's lower tiers, Groq).
    if isRequests and told.resetMs and told.resetMs > window * 1.05 then kind.window = window * 1440 end
  end
  if not told.remaining then return end
  local resetMs = told.resetMs or window / 6
  local resets = now - ageMs + resetMs
  if resets <= now or (mark and mark < kind.mark and kind.theirs) then return end
  -- What was granted after that call is not in its answer yet.
  if mark then mark = math.min(math.max(mark, kind.start), kind.total) end
  local theirs = told.remaining - (mark and kind.total - mark or 0)
  if not mark then theirs = math.min(theirs, kind.theirs or theirs) end
  kind.theirs, kind.resets, kind.slope = theirs, resets, nil
  if mark then kind.mark = mark end
  if kind.limit then
    -- A bucket that fills continuously says when it would be full; a window that begins anew says when that is.
    local missing = kind.limit - told.remaining
    local bucketMs = missing * kind.window / kind.limit
    -- In the middle of a window both say the same: whoever was seen to begin anew lately does so.
    if told.resetMs and math.abs(resetMs - bucketMs) > 0.1 * kind.window then kind.stepsAt = now end
    if kind.window > window then
      kind.slope = missing / resetMs
    elseif not kind.stepsAt or now - kind.stepsAt > 5 * kind.window then
      kind.slope = kind.limit / kind.window
    end
  end
end

-- A refusal: pause, and slow down once for all the calls that were under way.
local function refuse(item)
  local cost = { requests = 1, tokens = item.cost }
  local first = not item.mark or item.mark.requests > shrunk
  local pauseMs = item.pauseMs or math.min(window, window / 60 * 2 ^ strikes)
  paused = math.max(paused, now - item.ageMs + pauseMs)
  for name, kind in pairs(kinds) do
    -- A guess counted calls of which it turns out now that they were refused as well.
    if kind.guessed and item.mark and item.mark.requests <= guessedAt then kind.limit = math.max(cost[name], kind.limit - cost[name]) end
  end
  if first then
    share = math.max(leastShare, share * shrink)
    if not requests.limit and not tokens.limit and requests.lately >= leastToGuess then
      for name, kind in pairs(kinds) do
        kind.limit, kind.guessed, kind.level = math.max(cost[name], kind.lately - cost[name]), true, 0
      end
      share, guessedAt = shrink, requests.total
    end
    shrunk, refusedAt, strikes = requests.total, now, strikes + 1
  end
  for _, kind in pairs(kinds) do if kind.level then kind.level = math.min(0, kind.level) end end
end

for _, item in ipairs(ask.learned) do
  local mark = item.mark or {}
  if item.requests then hear(requests, item.requests, mark.requests, item.ageMs, true) end
  if item.tokens then hear(tokens, item.tokens, mark.tokens, item.ageMs, false) end
  if item.refused then refuse(item) elseif mark.requests and mark.requests > shrunk then strikes = 0 end
end
for name, kind in pairs(kinds) do
  local unused = ask.unused[name]
  kind.lately = math.max(0, kind.lately - unused)
  if kind.theirs then kind.theirs = kind.theirs + unused end
  if kind.level then kind.level = kind.level + unused + (name == 'tokens' and ask.back or 0) end
  measure(kind)
end

-- Milliseconds until there is `target` beside what is held by those who need not ask; `comes` says how long an amount takes to come.
-- They give it up when they hear that somebody waits, which takes as long as they gather news.
local function wait(has, target, hold, comes)
  if has - hold >= target then return 0 end
  local withoutThem = has < target and comes(target - has) or 0
  return math.max(withoutThem, math.min(comes(target + hold - has), ask.allowedMs / 4))
end

-- Milliseconds until `cost` can be taken of a kind while the part `keep` of it stays free, and `claim` for those who came before.
local function lack(kind, cost, keep, claim, hold)
  local ms = 0
  if kind.level then
    local target = math.min(cost, kind.burst * (1 - keep)) + kind.burst * keep + math.min(claim, kind.burst)
    ms = wait(kind.level, target, hold, function(missing) return missing / kind.rate end)
  end
  if kind.theirs then
    local limit = kind.limit or cost
    local target = math.min(limit, cost + claim + math.floor(limit * (theirMargin + keep)))
    local left = kind.resets - now
    ms = math.max(ms, wait(kind.theirs, target, hold, function(missing)
      return kind.slope and math.min(left, missing / kind.slope) or left
    end))
  end
  return ms
end

-- What is left for those elsewhere who came before: they may not be here when there is a share for them.
local function claims(call, since)
  local count, cost = 0, 0
  for _, head in ipairs(heads) do
    if head.since < since and (head.live or not call.live) then count, cost = count + 1, cost + head.cost end
  end
  return count, cost
end

local result = { now = now, granted = 0, waitMs = 0, others = others }
for name, kind in pairs(kinds) do result[name] = { total = kind.total } end
for index, call in ipairs(ask.calls) do
  local since = call.since or now - call.waitedMs
  local keep = call.live and 0 or reserve
  local count, cost = claims(call, since)
  local waitMs = math.max(paused - now, lack(requests, 1, keep, count, held.requests),
    lack(tokens, call.tokens, keep, cost, held.tokens))
  if not call.live and liveComesAt then waitMs = math.max(waitMs, 10, liveComesAt - now) end
  if waitMs > 0 then
    result.waitMs = waitMs
    if ask.line then
      -- Whoever waits long looks again now and then: there may be more than was expected.
      result.waitMs = math.min(waitMs, window / 30)
      redis.call('HSET', KEYS[1], own, string.format('%.3f %.3f %d %d %d %d', since, now + result.waitMs, call.tokens,
        call.live and 1 or 0, ask.waiting.requests, ask.waiting.tokens))
    end
    break
  end
  result.granted = index
  ask.waiting.requests, ask.waiting.tokens = ask.waiting.requests - 1, ask.waiting.tokens - call.tokens
  for name, cost in pairs({ requests = 1, tokens = call.tokens }) do
    local kind = kinds[name]
    if kind.level then kind.level = kind.level - cost end
    if kind.theirs then kind.theirs = kind.theirs - cost end
    kind.total, kind.lately = kind.total + cost, kind.lately + cost
  end
end
if ask.line and result.waitMs == 0 and hash[own] then redis.call('HDEL', KEYS[1], own) end

-- Far from all limits, and nobody waits: then the caller may go on without asking, each replica by an equal part of what others do
-- not hold. So all that is held is never more than there is.
result.calm = result.waitMs == 0 and #heads == 0 and (ask.line or not hash[own]) and paused <= now
local allowed, limited, enough = {}, false, true
for name, kind in pairs(kinds) do
  if kind.level and kind.level - held[name] < kind.burst * nearLevel then result.calm = false end
  if kind.theirs and kind.theirs - held[name] < (kind.limit or math.huge) * nearPart then result.calm = false end
  if kind.limit then
    local free = math.min(kind.level, kind.theirs and kind.theirs - kind.limit * theirMargin or math.huge) - held[name]
    local part = math.floor(allowedPart * free / math.max(1, ask.replicas))
    enough = enough and ask.largest ~= nil and part >= leastAllowed * (name == 'tokens' and ask.largest or 1)
    limited, allowed[name] = true, part
  end
end
if result.calm and enough then result.allowed = allowed end
if result.allowed and limited then
  redis.call('HSET', KEYS[1], ownHold, string.format('%.3f %d %d', now + holdMs, allowed.requests or 0, allowed.tokens or 0))
elseif hash[ownHold] then
  redis.call('HDEL', KEYS[1], ownHold)
end

local gone, kept = {}, {}
local function store(field, value)
  if value then
    kept[#kept + 1] = field
    kept[#kept + 1] = string.format('%.17g', value)
  elseif hash[field] then
    gone[#gone + 1] = field
  end
end
store('at', now) store('share', share) store('paused', paused) store('strikes', strikes) store('shrunk', shrunk) store('refusedAt', refusedAt)
store('guessedAt', guessedAt)
for name, kind in pairs(kinds) do
  for _, field in ipairs({ 'limit', 'window', 'level', 'theirs', 'resets', 'slope', 'stepsAt', 'mark', 'start', 'total', 'lately' }) do
    store(name .. ':' .. field, kind[field])
  end
  kept[#kept + 1] = name .. ':guessed'
  kept[#kept + 1] = kind.guessed and '1' or '0'
  local seen = result[name]
  seen.limit, seen.guessed, seen.level, seen.rate, seen.theirs = kind.limit, kind.guessed, kind.level, kind.rate, kind.theirs
  seen.granted = kind.lately / kind.window
end
redis.call('HSET', KEYS[1], unpack(kept))
if #gone > 0 then redis.call('HDEL', KEYS[1], unpack(gone)) end
redis.call('PEXPIRE', KEYS[1], math.max(3600000, 2 * math.max(requests.window, tokens.window)))
result.pausedMs = math.max(0, paused - now)
return cjson.encode(result)
