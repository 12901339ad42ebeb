// SQLite from Debian's static library: tables, joins, a user function in C, errors, a file-less database.
//#compilers: gcc clang
//#link: {lib}/libsqlite3.a -lm -lpthread -ldl {lib}/libz.a
#include <sqlite3.h>
#include <stdio.h>
#include <stdlib.h>

static int show(void *data, int columns, char **values, char **names)
{
    ++*(int *)data;
    for (int i = 0; i < columns; i++)
        printf("%s%s=%s", i ? " " : "", names[i], values[i] ? values[i] : "NULL");
    puts("");
    return 0;
}

static void cube(sqlite3_context *context, int count, sqlite3_value **values)
{
    double x = sqlite3_value_double(values[count - 1]);
    sqlite3_result_double(context, x * x * x);
}

int main(void)
{
    static const char *const script[] = {
        "CREATE TABLE planet(id INTEGER PRIMARY KEY, name TEXT UNIQUE, mass REAL)",
        "CREATE TABLE moon(planet INTEGER REFERENCES planet, name TEXT)",
        "INSERT INTO planet(name, mass) VALUES('Earth', 1), ('Mars', 0.107), ('Jupiter', 317.8), ('Venus', 0.815)",
        "INSERT INTO moon VALUES(1, 'Moon'), (2, 'Phobos'), (2, 'Deimos'), (3, 'Io'), (3, 'Europa')",
        "SELECT p.name, count(m.name) AS moons, group_concat(m.name, '+') AS names FROM planet p "
        "LEFT JOIN moon m ON m.planet = p.id GROUP BY p.id ORDER BY moons DESC, p.name",
        "WITH RECURSIVE n(i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n WHERE i < 1000) SELECT sum(i) AS s FROM n",
        "SELECT name, round(cube(mass), 3) AS c FROM planet WHERE name LIKE '%a%' ORDER BY mass",
        "INSERT INTO planet(name) VALUES('Mars')",
        "SELECT json_extract('{\"a\":[1,2,{\"b\":7}]}', '$.a[2].b') AS j, printf('%08.3f', 3.14159) AS f",
        "SELECT strftime('%Y-%m-%d', 86400 * 365, 'unixepoch') AS day, hex(zeroblob(3)) AS h, 1 / 0 AS n",
        "SELEKT 1",
    };
    sqlite3 *db;
    int rows = 0;
    if (sqlite3_open(":memory:", &db) != SQLITE_OK)
        return 1;
    sqlite3_create_function(db, "cube", 1, SQLITE_UTF8, NULL, cube, NULL, NULL);
    for (unsigned i = 0; i < sizeof script / sizeof *script; i++) {
        char *error = NULL;
        if (sqlite3_exec(db, script[i], show, &rows, &error) != SQLITE_OK)
            printf("error: %s\n", error);
        sqlite3_free(error);
    }
    printf("%d rows, closed %d, version %s\n", rows, sqlite3_close(db), sqlite3_libversion());
    return 0;
}
