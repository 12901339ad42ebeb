// Data and functions of which several objects have a copy, and names that stand for others.
#include "../microsoft.h"

__declspec(selectany) int shared = 5;
extern int fallback(int), given(int);
#pragma comment(linker, "/alternatename:fallback=instead")
#pragma comment(linker, "/alternatename:given=instead")
int instead(int x) { return x + 1000; }
int *where(void);
__declspec(dllimport) int imported(int);

int main(void) {
    shared++;
    printf("%d %d\n", *where(), where() == &shared);
    printf("%d %d\n", fallback(1), given(1));
    printf("%d\n", imported(5));
    return *where();
}
