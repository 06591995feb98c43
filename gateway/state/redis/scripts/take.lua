-- Charges all takes of a call or none (gcra.decide writes the same numbers). KEYS: the records. ARGV: the moment, then
-- for each key what it costs and how far its burst reaches, all in ticks. Returns the records as they were found;
-- the gateway computes its results from them, so that the arithmetic of results exists once.
-- Ticks stay under 2^53, where Lua's doubles are exact; %.0f because tostring would round them to 14 digits.
local SECOND = 4000000
local now = tonumber(ARGV[1])
local found, spent, mended, conform = {}, {}, {}, true
for i, key in ipairs(KEYS) do
  local cost, reach = tonumber(ARGV[2 * i]), tonumber(ARGV[2 * i + 1])
  found[i] = redis.call('GET', key)
  local ahead = found[i] and tonumber(found[i]) - now or 0
  if ahead < 0 then
    ahead = 0
  elseif ahead > reach + SECOND then
    ahead = reach
    mended[i] = reach
  end
  spent[i] = ahead + cost
  conform = conform and spent[i] <= reach
end
for i, key in ipairs(KEYS) do
  local ahead = conform and spent[i] or mended[i]
  if ahead and ahead > 0 then
    -- A second longer than it means anything: the clocks of gateways are not quite the same.
    redis.call('SET', key, string.format('%.0f', now + ahead), 'PX', math.ceil(ahead / 4000) + 1000)
  end
end
return found
