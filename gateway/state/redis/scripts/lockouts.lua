-- Lockouts, the twin of gateway/state/rules/lockout.py: what becomes of attempts, over all keys of a call at once. Both
-- say the same, and tests/state/test_store_lockouts.py holds them to one contract.
-- KEYS: the mark that this server holds our records, the index of locks, that of unlocks, a number that changes with
-- either, then one record per name.
-- ARGV: the verb, the moment, then what the verb reads. Moments are Unix seconds, written so that no bit is lost.
-- A record: failed, pending (moments, oldest first), level, since, until, failures, forget_at, expiry. It is kept until
-- its expiry and a second longer, as the clocks of gateways are not quite the same.
local QUIET, STEP, DAY = 86400, 5, 86400000 -- STEP: more than the clocks of gateways are apart
local FAILED, PENDING, LEVEL, SINCE, UNTIL, FAILURES, FORGET_AT, EXPIRY = 1, 2, 3, 4, 5, 6, 7, 8
local OWN = 4 -- keys before the records
local verb, now = ARGV[1], tonumber(ARGV[2])
local at = 2

local function word()
  at = at + 1
  return ARGV[at]
end

local function number()
  return tonumber(word())
end

local function exact(value)
  return string.format('%.17g', value)
end

local function counting(moments, within, time)
  local kept = {}
  for _, moment in ipairs(moments) do
    if moment > time - within then
      kept[#kept + 1] = moment
    end
  end
  return kept
end

-- Where the clock of a gateway has stepped back, the time that a record has left to live says what time it is for it:
-- so nothing that is over begins anew, and nothing lasts longer.
local times = {}

local function time(key)
  return times[key] or now
end

local function load(key)
  local found = redis.call('GET', key)
  if not found then
    return {{}, {}, 0, 0, 0, 0, 0}
  end
  local record = cmsgpack.unpack(found)
  local there = (record[EXPIRY] or 0) + 1 - redis.call('PTTL', key) / 1000
  if there > now + STEP then
    times[key] = there
  end
  return record
end

-- The record without what has expired.
local function current(key, within)
  local record = load(key)
  local moment = time(key)
  record[FAILED] = counting(record[FAILED], within, moment)
  record[PENDING] = counting(record[PENDING], within, moment)
  if record[LEVEL] > 0 then
    if record[FORGET_AT] <= moment then
      record[LEVEL], record[SINCE], record[UNTIL], record[FAILURES], record[FORGET_AT] = 0, 0, 0, 0, 0
    end
  end
  return record
end

local function save(key, record, within)
  local last = math.max(record[FAILED][#record[FAILED]] or 0, record[PENDING][#record[PENDING]] or 0)
  local expiry = math.max(last > 0 and last + within or 0, record[LEVEL] > 0 and record[FORGET_AT] or 0)
  if expiry > time(key) then
    record[EXPIRY] = expiry
    redis.call('SET', key, cmsgpack.pack(record), 'PX', math.ceil((expiry - time(key)) * 1000) + 1000)
  else
    redis.call('DEL', key)
  end
end

local function changed()
  redis.call('INCR', KEYS[4])
  redis.call('PEXPIRE', KEYS[4], DAY)
end

local function index(member, till)
  changed()
  redis.call('ZREMRANGEBYSCORE', KEYS[2], '-inf', exact(now - STEP))
  redis.call('ZADD', KEYS[2], exact(till), member)
  local last = redis.call('ZRANGE', KEYS[2], -1, -1, 'WITHSCORES')
  redis.call('PEXPIRE', KEYS[2], math.max(1000, math.ceil((tonumber(last[2]) - now) * 1000) + 1000))
end

local function attempts()
  local found = {}
  while at < #ARGV do
    local attempt = {key = KEYS[OWN + number()], failures = number(), within = number(), member = word(), lock_for = {}}
    for n = 1, number() do
      attempt.lock_for[n] = number()
    end
    found[#found + 1] = attempt
  end
  return found
end

local made = {} -- locks, by the clock of the gateway

local function fail(record, attempt, moment)
  table.insert(record[FAILED], moment)
  table.sort(record[FAILED])
  if record[LEVEL] > 0 then
    record[FORGET_AT] = math.max(record[UNTIL], moment) + QUIET
  end
  if #record[FAILED] >= attempt.failures then
    local till = moment + attempt.lock_for[math.min(record[LEVEL], #attempt.lock_for - 1) + 1]
    record[FAILED], record[LEVEL], record[SINCE] = {}, record[LEVEL] + 1, moment
    record[UNTIL], record[FAILURES], record[FORGET_AT] = till, attempt.failures, till + QUIET
    index(attempt.member, till)
    local ahead = time(attempt.key) - now
    made[#made + 1] = {attempt.member, exact(moment - ahead), exact(till - ahead), attempt.failures}
  end
end

local function reserve()
  local before, after, taken, results, good = {}, {}, {}, {}, true
  local listed = attempts()
  for _, attempt in ipairs(listed) do
    local key = attempt.key
    before[key] = before[key] or current(key, attempt.within)
    local record = before[key]
    local left = attempt.failures - #record[FAILED] - #record[PENDING] - (taken[key] or 0)
    local locked = record[UNTIL] > time(key)
    local ok = not locked and left > 0
    good = good and ok
    if ok then
      taken[key] = (taken[key] or 0) + 1
    end
    results[#results + 1] = {ok and 1 or 0, locked and exact(record[UNTIL] + now - time(key)) or '0', ok and left - 1 or 0}
  end
  for n, attempt in ipairs(listed) do
    local record = before[attempt.key]
    if good then
      table.insert(record[PENDING], time(attempt.key))
      after[attempt.key] = attempt.within
    elseif results[n][1] == 1 then
      results[n][3] = attempt.failures - #record[FAILED] - #record[PENDING]
    end
  end
  for key, within in pairs(after) do
    save(key, before[key], within)
  end
  return results
end

-- The verdict: 'failed', 'passed' or 'none'. A replay brings what happened at `moment`, while the server was away.
local function settle(verdict, moment)
  local records, within = {}, {}
  for _, attempt in ipairs(attempts()) do
    local key = attempt.key
    local record = records[key] or current(key, attempt.within)
    records[key], within[key] = record, attempt.within
    if verb == 'settle' then
      table.remove(record[PENDING])
    end
    local name = string.match(attempt.member, '^%a+:%x+')
    local unlocked_at = tonumber(redis.call('ZSCORE', KEYS[3], name) or 0)
    if verb == 'replay' and (unlocked_at >= moment or moment <= now - attempt.within) then
      -- forgotten since, by an operator or by time
    elseif verdict == 'failed' then
      fail(record, attempt, moment or time(key))
    elseif verdict == 'passed' and string.sub(attempt.member, 1, 7) ~= 'address' then
      record[FAILED] = {}
    end
  end
  for key, record in pairs(records) do
    save(key, record, within[key])
  end
  return made
end

local function unlock(member)
  local key, name = KEYS[OWN + 1], string.match(member, '^%a+:%x+')
  local locked = load(key)[UNTIL] > time(key)
  redis.call('DEL', key)
  redis.call('ZREM', KEYS[2], member)
  redis.call('ZREMRANGEBYSCORE', KEYS[3], '-inf', exact(now - DAY / 1000))
  redis.call('ZADD', KEYS[3], exact(now), name)
  redis.call('PEXPIRE', KEYS[3], DAY)
  changed()
  return locked and 1 or 0
end

-- All locks, and all unlocks of the last day: what a gateway has to know while this server is away. Nothing
-- when the gateway has seen this state of them.
local function locks(prefix, limit, seen)
  local version = redis.call('GET', KEYS[4]) or '0'
  if seen == version then
    return {version}
  end
  local found = {}
  for _, member in ipairs(redis.call('ZRANGEBYSCORE', KEYS[2], '(' .. exact(now), '+inf', 'LIMIT', 0, limit)) do
    local key = prefix .. string.match(member, '^%a+:%x+')
    local record = load(key)
    if record[UNTIL] > time(key) then
      local ahead = time(key) - now
      found[#found + 1] = {
        member, record[LEVEL], exact(record[SINCE] - ahead), exact(record[UNTIL] - ahead), record[FAILURES],
        exact(record[FORGET_AT] - ahead)
      }
    end
  end
  -- The newest: those of an operator's script that unlocks without end are no more than a reply may hold.
  local unlocks = redis.call('ZRANGE', KEYS[3], '+inf', exact(now - DAY / 1000), 'BYSCORE', 'REV', 'LIMIT', 0, 10000, 'WITHSCORES')
  return {version, found, unlocks}
end

-- Sets locks that another server of ours knew, unless they were unlocked since; then the records count as ours.
local function restore()
  while at < #ARGV do
    local key, member = KEYS[OWN + number()], word()
    local level, since, till, failures, forget_at = number(), number(), number(), number(), number()
    local record = load(key)
    local unlocked_at = tonumber(redis.call('ZSCORE', KEYS[3], string.match(member, '^%a+:%x+')) or 0)
    if till > now and till > record[UNTIL] and unlocked_at < since then
      record[FAILED], record[LEVEL] = {}, math.max(level, record[LEVEL])
      record[SINCE], record[UNTIL], record[FAILURES], record[FORGET_AT] = since, till, failures, forget_at
      save(key, record, 0)
      index(member, till)
    end
  end
  redis.call('SET', KEYS[1], '1', 'PX', DAY)
  changed()
  return {}
end

if verb == 'restore' then
  return restore()
elseif verb == 'replay' then
  return settle(word(), number())
elseif redis.call('EXISTS', KEYS[1]) == 0 then
  return redis.error_reply('EMPTY the records are gone')
elseif verb == 'reserve' then
  return reserve()
elseif verb == 'settle' then
  return settle(word())
elseif verb == 'unlock' then
  return unlock(word())
end
redis.call('PEXPIRE', KEYS[1], DAY)
return locks(word(), number(), word())
