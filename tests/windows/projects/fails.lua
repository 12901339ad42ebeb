-- an error that nobody catches: the message and the traceback, and status 1
local chunk = assert(load("local a, b = ... return a .. b", "=chunk"))
print(chunk("one ", "two"), string.dump(chunk):byte(1, 4))
local function outer() local function inner() error("nobody catches this") end inner() end
outer()
