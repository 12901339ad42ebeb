typedef int function(void);
static int fast(void) { return 10; }
static function *choose(void) { return fast; }
__attribute__((ifunc("choose"), visibility("protected"))) int chosen(void);
__attribute__((visibility("protected"))) int plain(void) { return 10; }
__attribute__((visibility("protected"))) int data = 10;
int other(void) { return 10; }
function *address_of_chosen(void) { return chosen; }
function *address_of_plain(void) { return plain; }
int *address_of_data(void) { return &data; }
function *table[3] = {chosen, plain, other};
