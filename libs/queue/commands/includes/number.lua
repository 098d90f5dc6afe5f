-- Whole numbers up to 2^53 as text: Lua's own conversion would write large ones as 1.7e+12.
local function text(number)
  return string.format('%.0f', number)
end
