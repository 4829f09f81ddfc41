/* SPDX-License-Identifier: MIT */
/* stdout, stderr and the server's log: whole lines go to the kernel's console. */
#include <lib/check.h>
#include <lib/server.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>

_Noreturn void _exit(int status);

static char line[160];
static size_t line_length;

static void line_flush(void) {
    if (line_length)
        pk_log(line, line_length);
    line_length = 0;
}

static int line_put(char c, FILE *stream) {
    (void)stream;
    if (c != '\n')
        line[line_length++] = c;
    if (c == '\n' || line_length == sizeof(line))
        line_flush();
    return 0;
}

static FILE console = FDEV_SETUP_STREAM(line_put, NULL, NULL, _FDEV_SETUP_WRITE);
FILE *const stdout = &console;
FILE *const stderr = &console;

static void log_line(const char *format, va_list args) {
    char text[160];
    int length = snprintf(text, sizeof(text), "%s: ", boot_info ? boot_info->name : "server");
    vsnprintf(text + length, sizeof(text) - (size_t)length, format, args);
    pk_log(text, strlen(text));
}

void server_log(const char *format, ...) {
    va_list args;
    va_start(args, format);
    log_line(format, args);
    va_end(args);
}

_Noreturn void must_failed(const char *call, long error) {
    server_panic("%s: error %ld", call, -error);
}

_Noreturn void check_failed(const char *what, const void *at) {
    server_panic("check: %s does not hold, at %p", what, at);
}

_Noreturn void server_panic(const char *format, ...) {
    va_list args;
    va_start(args, format);
    log_line(format, args);
    va_end(args);
    _exit(1);
}
