-- strings, tables, closures, coroutines, errors, files: what print is compared
local path = arg[1]
print(_VERSION, #arg, arg[2], math.type(3), math.type(3.0), 7 // 2, -7 % 3, 2 ^ 0.5, 1e15, 1e100, 0x10p2)
print(string.format("%5.2f|%-8s|%08x|%q|%a|%g", math.pi, "left", 48879, 'a "b"\n', 0.5, 1 / 3))
print(math.maxinteger == math.mininteger - 1, math.tointeger(2 ^ 20), math.huge, -math.huge, string.format("%.3f", math.sin(1)))

local counts = {}
for word in ("the cat and the dog and the bird"):gmatch("%a+") do counts[word] = (counts[word] or 0) + 1 end
local names = {}
for word in pairs(counts) do names[#names + 1] = word end
table.sort(names, function(a, b) return counts[a] > counts[b] or counts[a] == counts[b] and a < b end)
for _, word in ipairs(names) do io.write(word, "=", counts[word], " ") end
print()

local function numbers(limit)
    return coroutine.wrap(function() for i = 1, limit do coroutine.yield(i, i * i) end end)
end
for i, square in numbers(4) do io.write(i, ":", square, ",") end
print(select("#", table.unpack({1, 2, 3})), utf8.char(960, 8364), utf8.len("aπ€"))

local Stack = setmetatable({}, {__call = function(class) return setmetatable({}, class) end})
Stack.__index, Stack.__len = Stack, function() return 42 end
Stack.__close = function(_, err) print("closed", err.code) end
print(#Stack(), select("#", pcall(function() local s <close> = Stack() error({code = 5}) end)))
print(pcall(string.rep), pcall(error, "text", 0), select(2, pcall(function() local x = nil; return x.y end)))
print(xpcall(function() return 1 + {} end, function(message) return "handled: " .. message end))
local deep = select(2, pcall(function() local function f() return 1 + f() end return f() end))
print(deep:match("stack overflow"))

local file = assert(io.open(path, "wb"))
for i = 1, 1000 do file:write(i, "\n") end
print(file:seek("cur"), file:seek("set", 100), file:close())
local sum = 0
for line in io.lines(path) do sum = sum + tonumber(line) end
print(sum, io.open(path .. ".missing"))
print(os.rename(path, path .. ".2"), os.remove(path), os.getenv("URUK_WORD"), os.date("!%Y-%m-%d %H:%M:%S", 86400 * 365))

local sieve, primes = {}, 0
for i = 2, 40000 do
    if not sieve[i] then
        primes = primes + 1
        for k = i * i, 40000, i do sieve[k] = true end
    end
end
local parts = {}
for i = 1, 20000 do parts[#parts + 1] = tostring(i):reverse() end
print(primes, #table.concat(parts), collectgarbage("count") > 100, collectgarbage() == 0)
for line in io.lines() do print(line:upper(), (line:gsub("%s+", "-"))) end
io.stderr:write("to the end\n")
os.exit(7, true)
