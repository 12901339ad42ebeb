struct entry { const char *name; int (*call)(int); const int *data; long n; };
extern const struct entry entries[];
extern int imported_data, imported_array[10];
extern char big_there[200000];
extern const char text_there[];
int imported(int);
int check_big(void);
int same_function(int (*)(int));
int same_library(int (*)(int));
