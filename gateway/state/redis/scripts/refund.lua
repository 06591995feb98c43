-- Gives back what take.lua charged, where a Redis Cluster keeps the keys of one call apart and another of them refused.
-- KEYS: the records. ARGV: the moment, then for each key what it had cost, in ticks.
local now = tonumber(ARGV[1])
for i, key in ipairs(KEYS) do
  local found = redis.call('GET', key)
  if found then
    local left = tonumber(found) - tonumber(ARGV[1 + i]) - now
    if left > 0 then
      redis.call('SET', key, string.format('%.0f', now + left), 'PX', math.ceil(left / 4000) + 1000)
    else
      redis.call('DEL', key)
    end
  end
end
return {}
