#define HIDDEN __attribute__((visibility("hidden")))
#define PROTECTED __attribute__((visibility("protected")))
#define INTERNAL __attribute__((visibility("internal")))

typedef int function(void);
function normal_f;
HIDDEN function hidden_f;
PROTECTED function protected_f;
INTERNAL function internal_f;
extern int normal_d;
HIDDEN extern int hidden_d;
PROTECTED extern int protected_d;
INTERNAL extern int internal_d;
int same_functions(function *, function *, function *, function *);
int same_data(int *, int *, int *, int *);
