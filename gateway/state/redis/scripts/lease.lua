-- Units of one limit for one gateway process, some of them ahead of time (state.redis.leases has the reasons).
-- KEYS: the limit's record, as in take.lua, and what is out on lease. ARGV: the moment, a unit and the burst in ticks;
-- the worker, the name of its last lease and how many units of it were used; what is taken now, how many more are
-- wanted, and until when they will be.
-- A lease is {worker, name, units, until}. Units on lease stand beside the record and do not run out with time, so that
-- what is used late counts as late as it is used.
local SECOND = 4000000
local LATE = 2 * SECOND -- after its end: by then its worker has reported what became of it, or never will
local now, unit, reach = tonumber(ARGV[1]), tonumber(ARGV[2]), tonumber(ARGV[3])
local worker, last, used = ARGV[4], ARGV[5], tonumber(ARGV[6])
local cost, more, till = tonumber(ARGV[7]), tonumber(ARGV[8]), tonumber(ARGV[9])

local found = redis.call('GET', KEYS[1])
local ahead = found and math.max(0, tonumber(found) - now) or 0
if ahead > reach + SECOND then
  ahead = reach -- a clock stepped back
end
local packed = redis.call('GET', KEYS[2])
local out, kept, longest = 0, {}, now
for _, lease in ipairs(packed and cmsgpack.unpack(packed) or {}) do
  local mine = lease[1] == worker
  if mine and lease[2] == last then
    ahead = ahead + math.min(used, lease[3]) * unit
  elseif mine or lease[4] + LATE <= now or lease[4] > till + LATE then
    ahead = ahead + lease[3] * unit -- no report will come of it
  else
    out = out + lease[3]
    longest = math.max(longest, lease[4])
    kept[#kept + 1] = lease
  end
end

local free = math.floor((reach - ahead) / unit) - out
local granted = -1
if cost <= free then
  granted = math.min(more, free - cost)
  ahead = ahead + cost * unit
  if granted > 0 then
    out = out + granted
    longest = math.max(longest, till)
    kept[#kept + 1] = {worker, ARGV[9], granted, till}
  end
end

if ahead > 0 then
  redis.call('SET', KEYS[1], string.format('%.0f', now + ahead), 'PX', math.ceil(ahead / 4000) + 1000)
end
if #kept > 0 then
  -- As long as any worker may still be charged for it, which takes time to run out as well.
  local lives = longest + LATE - now + ahead + out * unit
  redis.call('SET', KEYS[2], cmsgpack.pack(kept), 'PX', math.ceil(lives / 4000) + 1000)
elseif packed then
  redis.call('DEL', KEYS[2])
end
return {granted, string.format('%.0f', ahead), out}
