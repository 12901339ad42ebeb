// Lua from Debian's static library: closures, coroutines, pcall (longjmp), string patterns, a C function, output.
//#compilers: gcc clang
//#flags: -O1
//#args: first second
//#cflags: -I{include}/lua5.4
//#link: {lib}/liblua5.4.a -lm -ldl
#include <lauxlib.h>
#include <lua.h>
#include <lualib.h>
#include <stdio.h>

static int add_all(lua_State *L)
{
    double sum = 0;
    for (int i = 1; i <= lua_gettop(L); i++)
        sum += luaL_checknumber(L, i);
    lua_pushnumber(L, sum);
    return 1;
}

static const char script[] =
    "local function counter() local n = 0; return function() n = n + 1; return n end end\n"
    "local c = counter(); c(); print('closure', c())\n"
    "local co = coroutine.wrap(function(a) local b = coroutine.yield(a * 2); return b .. '!' end)\n"
    "print('coroutine', co(21), co('done'))\n"
    "print('pcall', pcall(error, {}) == false, select(2, pcall(function() error('bad', 0) end)))\n"
    "local t = {}; for w in ('the quick brown fox'):gmatch('%a+') do t[#t + 1] = w:upper() end\n"
    "table.sort(t); print(table.concat(t, ','), #t)\n"
    "print(string.format('%5.2f|%q|%x', math.pi, 'a\\nb', 255), 7 // 2, 2 ^ 10, 10 % 3, 1 << 40)\n"
    "print(add_all(1, 2.5, 3), select(2, pcall(add_all, 'x')))\n"
    "local m = setmetatable({}, {__index = function(_, k) return k .. '?' end, __close = function() print('closed') end})\n"
    "do local x <close> = m; print(x.missing) end\n"
    "io.stderr:write('to stderr\\n'); goto done; print('no') ::done::\n"
    "for i, v in utf8.codes('h\\xc3\\xa9') do io.write(i, ':', v, ' ') end print()\n"
    "collectgarbage(); print(#arg, arg[1]); return 5\n";

int main(int argc, char **argv)
{
    lua_State *L = luaL_newstate();
    luaL_openlibs(L);
    lua_register(L, "add_all", add_all);
    lua_newtable(L);
    for (int i = 1; i < argc; i++) {
        lua_pushstring(L, argv[i]);
        lua_rawseti(L, -2, i);
    }
    lua_setglobal(L, "arg");
    if (luaL_dostring(L, script))
        printf("error: %s\n", lua_tostring(L, -1));
    printf("result %d\n", (int)lua_tointeger(L, -1));
    printf("syntax %s\n", luaL_dostring(L, "x = = 1") ? lua_tostring(L, -1) : "accepted");
    lua_close(L);
    return 0;
}
