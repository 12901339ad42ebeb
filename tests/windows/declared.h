/* Declarations of the universal C runtime, for compilers of Microsoft's kind without its headers (Microsoft Learn, "CRT
 * alphabetical function reference"). All standard headers are this one. */

#pragma once

#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

typedef struct FILE FILE;
typedef long long time_t;
typedef long clock_t;
typedef int sig_atomic_t;
typedef unsigned char jmp_buf[256] __attribute__((aligned(16)));
struct tm { int tm_sec, tm_min, tm_hour, tm_mday, tm_mon, tm_year, tm_wday, tm_yday, tm_isdst; };
struct lconv { char *decimal_point, *thousands_sep; };

#define EOF (-1)
#define BUFSIZ 512
#define L_tmpnam 260
#define SEEK_SET 0
#define SEEK_CUR 1
#define SEEK_END 2
#define _IONBF 4
#define _IOLBF 64
#define _IOFBF 0
#define ERANGE 34
#define ENOENT 2
#define LC_ALL 0
#define LC_COLLATE 1
#define LC_CTYPE 2
#define LC_MONETARY 3
#define LC_NUMERIC 4
#define LC_TIME 5
#define EXIT_SUCCESS 0
#define EXIT_FAILURE 1
#define CLOCKS_PER_SEC 1000
#define HUGE_VAL __builtin_huge_val()
#define O_RDONLY 0
#define O_WRONLY 1
#define O_CREAT 0x100
#define O_TRUNC 0x200
#define O_APPEND 8
#define O_EXCL 0x400
#define O_BINARY 0x8000
#define SIGINT 2
#define SIGFPE 8
#define SIGTERM 15
#define SIGABRT 22
#define SIG_DFL ((void (*)(int))0)
#define SIG_IGN ((void (*)(int))1)
#define stdin __acrt_iob_func(0)
#define stdout __acrt_iob_func(1)
#define stderr __acrt_iob_func(2)
#define errno (*_errno())
#define alloca __builtin_alloca
#define strdup _strdup
#define putenv _putenv
#define setjmp _setjmp
#define localtime _localtime64
#define gmtime _gmtime64
#define mktime _mktime64
#define time _time64
#define difftime _difftime64

FILE *__acrt_iob_func(unsigned index), *fopen(const char *, const char *), *_popen(const char *, const char *);
int *_errno(void);
int printf(const char *, ...), fprintf(FILE *, const char *, ...), sprintf(char *, const char *, ...);
int snprintf(char *, size_t, const char *, ...), vprintf(const char *, va_list), vfprintf(FILE *, const char *, va_list);
int vsnprintf(char *, size_t, const char *, va_list);
int sscanf(const char *, const char *, ...), scanf(const char *, ...);
int wprintf(const wchar_t *, ...), swprintf(wchar_t *, size_t, const wchar_t *, ...);
int puts(const char *), fputs(const char *, FILE *), fclose(FILE *), fflush(FILE *), fgetc(FILE *), getchar(void), feof(FILE *);
int ferror(FILE *), fseek(FILE *, long, int), remove(const char *), _pclose(FILE *), setvbuf(FILE *, char *, int, size_t);
long ftell(FILE *);
char *fgets(char *, int, FILE *);
size_t fwrite(const void *, size_t, size_t, FILE *);
void perror(const char *), free(void *), exit(int) __attribute__((noreturn)), abort(void) __attribute__((noreturn));
void _exit(int) __attribute__((noreturn)), _aligned_free(void *);
void *malloc(size_t), *calloc(size_t, size_t), *realloc(void *, size_t), *_aligned_malloc(size_t, size_t);
int atexit(void (*)(void)), system(const char *), abs(int), putenv(const char *);
int (*_onexit(int (*)(void)))(void);
char *getenv(const char *);
void qsort(void *, size_t, size_t, int (*)(const void *, const void *));
void *bsearch(const void *, const void *, size_t, size_t, int (*)(const void *, const void *));
double atof(const char *), strtod(const char *, char **);
long strtol(const char *, char **, int);
unsigned long strtoul(const char *, char **, int);
long long strtoll(const char *, char **, int);
long wcstol(const wchar_t *, wchar_t **, int);
size_t wcstombs(char *, const wchar_t *, size_t), wcslen(const wchar_t *);
wchar_t *wcschr(const wchar_t *, wchar_t);
int wcsncmp(const wchar_t *, const wchar_t *, size_t);
void *memset(void *, int, size_t), *memcpy(void *, const void *, size_t);
int memcmp(const void *, const void *, size_t), strcmp(const char *, const char *), strcoll(const char *, const char *);
int strncmp(const char *, const char *, size_t);
size_t strlen(const char *), strcspn(const char *, const char *);
char *strstr(const char *, const char *), *strrchr(const char *, int), *strtok(char *, const char *), *strdup(const char *);
char *strerror(int), *setlocale(int, const char *), *asctime(const struct tm *);
struct lconv *localeconv(void);
int isalpha(int), isdigit(int), ispunct(int), toupper(int), tolower(int);
size_t strftime(char *, size_t, const char *, const struct tm *);
struct tm *localtime(const time_t *), *gmtime(const time_t *);
time_t mktime(struct tm *), time(time_t *);
double difftime(time_t, time_t);
clock_t clock(void);
double sqrt(double), log(double), pow(double, double), exp(double), atan2(double, double), cosh(double), log10(double);
double ceil(double), floor(double), fmod(double, double), tan(double), asin(double), sin(double), modf(double, double *);
double frexp(double, int *), ldexp(double, int);
void (*signal(int, void (*)(int)))(int);
int raise(int);
int getc(FILE *), ungetc(int, FILE *), rename(const char *, const char *);
size_t fread(void *, size_t, size_t, FILE *);
void clearerr(FILE *);
FILE *freopen(const char *, const char *, FILE *), *tmpfile(void), *_fdopen(int, const char *);
char *tmpnam(char *), *strcpy(char *, const char *), *strcat(char *, const char *), *strpbrk(const char *, const char *);
char *strchr(const char *, int), *strncpy(char *, const char *, size_t);
void *memchr(const void *, int, size_t), *memmove(void *, const void *, size_t);
size_t strspn(const char *, const char *);
int isalnum(int), iscntrl(int), isgraph(int), islower(int), isspace(int), isupper(int), isxdigit(int);
double acos(double), cos(double), atan(double), fabs(double), log2(double);
int open(const char *, int, ...) __asm__("_open"), close(int) __asm__("_close"), fileno(FILE *) __asm__("_fileno");
int read(int, void *, unsigned) __asm__("_read"), write(int, const void *, unsigned) __asm__("_write");
int unlink(const char *) __asm__("_unlink");
int setmode(int, int) __asm__("_setmode"), _wopen(const wchar_t *, int, ...);
long long _lseeki64(int, long long, int);
int _setjmp(unsigned char *) __attribute__((returns_twice));
void longjmp(unsigned char *, int) __attribute__((noreturn));
