-- The revocations of all replicas, in two sorted sets by name: from when on tokens are good again, and until when it holds.
-- KEYS: since, until, version. ARGV: the command, now, then
--   merge: the most there may be, a new version, then name, since and until of each.
--     Returns 1, or 0 when one found no room.
--   list: the version known. Returns the version, and when it is another one, all as since and until by name.
local sinces, untils, version = KEYS[1], KEYS[2], KEYS[3]
local gone = redis.call('ZRANGEBYSCORE', untils, '-inf', ARGV[2])
for _, name in ipairs(gone) do
  redis.call('ZREM', untils, name)
  redis.call('ZREM', sinces, name)
end
if ARGV[1] == 'list' then
  local now = redis.call('GET', version) or ''
  if now == ARGV[3] then
    return {now}
  end
  return {now, redis.call('ZRANGE', sinces, 0, -1, 'WITHSCORES'), redis.call('ZRANGE', untils, 0, -1, 'WITHSCORES')}
end
local most, room, changed = tonumber(ARGV[3]), 1, false
for i = 5, #ARGV, 3 do
  local name, since, till = ARGV[i], ARGV[i + 1], ARGV[i + 2]
  if redis.call('ZSCORE', untils, name) or redis.call('ZCARD', untils) < most then
    local moved = redis.call('ZADD', sinces, 'GT', 'CH', since, name) + redis.call('ZADD', untils, 'GT', 'CH', till, name)
    changed = changed or moved > 0
  else
    room = 0
  end
end
if changed then
  redis.call('SET', version, ARGV[4])
end
local last = redis.call('ZRANGE', untils, -1, -1, 'WITHSCORES')
if last[2] then
  local ms = string.format('%.0f', math.max(0, tonumber(last[2]) - tonumber(ARGV[2])) * 1000 + 1000)
  for _, key in ipairs(KEYS) do
    redis.call('PEXPIRE', key, ms)
  end
end
return room
