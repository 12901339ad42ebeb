#include <string.h>
__thread int early_count = 5;
__thread char early_text[16] = "initial";
int early_next(void) { return ++early_count; }
__attribute__((constructor)) static void begin(void)
{
    early_next();
    strcpy(early_text, "begun");
}
