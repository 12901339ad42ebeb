/* uruk's executor for Windows; see runtime/executor/linux/main.c.
 *
 *     uruk-executor filedescs=R,W | listen=HOST:PORT | serve=HOST:PORT  [controller=PID] [report-crashes]
 *
 * R and W are handles; with `controller`, which wants wine, descriptors of that process. */

#include "windows_parts.h"

#include <string.h>
#include <windows.h>

enum { MOST_WORD = 128 };

static const char *after(const char *word, const char *prefix)
{
    while (*prefix)
        if (*word++ != *prefix++)
            return 0;
    return word;
}

/* Cut the next word of the command line out: up to a space outside of quotes. The place behind it. */
static const char *next_word(const char *at, char text[MOST_WORD])
{
    int length = 0, quoted = 0;
    while (*at == ' ' || *at == '\t')
        at++;
    for (; *at && (quoted || (*at != ' ' && *at != '\t')); at++) {
        if (*at == '"')
            quoted = !quoted;
        else if (length < MOST_WORD - 1)
            text[length++] = *at;
    }
    text[length] = 0;
    return at;
}

static char line_numbers[MOST_WORD], listening[MOST_WORD], inherited[MOST_WORD], controller[MOST_WORD];
static int serves_for_ever;

static void read_words(void)
{
    char text[MOST_WORD];
    const char *value;
    const char *at = next_word(GetCommandLineA(), text); /* the program's own name */
    for (at = next_word(at, text); *text; at = next_word(at, text)) {
        if ((value = after(text, "filedescs=")))
            memcpy(line_numbers, value, strlen(value) + 1);
        else if ((value = after(text, "listen=")))
            memcpy(listening, value, strlen(value) + 1);
        else if ((value = after(text, "serve="))) {
            memcpy(listening, value, strlen(value) + 1);
            serves_for_ever = 1;
        } else if ((value = after(text, "socket=")))
            memcpy(inherited, value, strlen(value) + 1);
        else if ((value = after(text, "controller=")))
            memcpy(controller, value, strlen(value) + 1);
        else if (!strcmp(text, "report-crashes"))
            report_crashes();
    }
}

static void open_line(void)
{
    char *comma = line_numbers;
    if (*listening) {
        accept_connection(listening, serves_for_ever);
        return;
    }
    if (*inherited) {
        take_connection(parse_number(inherited));
        return;
    }
    while (*comma && *comma != ',')
        comma++;
    if (!*comma)
        give_up("usage: uruk-executor filedescs=IN,OUT [controller=PID] | listen=HOST:PORT | serve=HOST:PORT");
    *comma = 0;
    if (*controller)
        open_descriptors(controller, line_numbers, comma + 1);
    else
        open_files(parse_number(line_numbers), parse_number(comma + 1));
}

/* Where the process begins: there is no C runtime that would come before. */
void start(void)
{
    begin_x87();
    read_words();
    open_line();
    serve();
}
