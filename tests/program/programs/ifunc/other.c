typedef int function(int);
function picked;
static function *const kept = picked;
int call_there(int x) { return picked(x) * 10; }
function *address_there(void) { return picked; }
function *data_there(void) { return kept; }
