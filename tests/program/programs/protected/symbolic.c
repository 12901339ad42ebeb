typedef int function(void);
static int fast(void) { return 10; }
static function *choose(void) { return fast; }
__attribute__((ifunc("choose"))) int symbolic_chosen(void);
int symbolic_plain(void) { return 10; }
function *symbolic_table[2] = {symbolic_chosen, symbolic_plain};
