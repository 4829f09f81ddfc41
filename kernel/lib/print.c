/* SPDX-License-Identifier: MIT */
/*
 * The kernel's own messages, by the firmware's console: for boot, diagnostics and panics. The console is
 * slow, some 350 instructions a character, so text is kept until the kernel is left and written in steps.
 */
#include <arch/machine.h>
#include <cap/kobject.h>
#include <lib/lib.h>

#define CHAR_CREDIT 12

static char text[4096];      /* a ring */
static uint32_t first, next; /* of what is to be written, and behind it; they only grow */

static void write_first(void) {
    arch_console_put(text[first++ % sizeof text]);
}

static void put(char c) {
    if (next - first == sizeof text)
        write_first();
    text[next++ % sizeof text] = c;
}

bool kprint_step(int *credit) {
    for (; first != next && *credit > 0; *credit -= CHAR_CREDIT)
        write_first();
    return first == next;
}

void kprint_flush(void) {
    while (first != next)
        write_first();
}

static void put_number(uint64_t v, unsigned base, int width, char pad, bool negative) {
    char digits[24];
    int n = 0;
    do {
        digits[n++] = "0123456789abcdef"[v % base];
        v /= base;
    } while (v);
    if (negative)
        digits[n++] = '-';
    for (; width > n; width--)
        put(pad);
    while (n)
        put(digits[--n]);
}

static void put_string(const char *s, int width) {
    for (; *s; s++, width--)
        put(*s);
    for (; width > 0; width--)
        put(' ');
}

static const char *put_conversion(const char *f, va_list *args) {
    char pad = ' ';
    int width = 0;
    bool is_long = false;
    if (*f == '0')
        pad = *f++;
    for (; *f >= '0' && *f <= '9'; f++)
        width = width * 10 + (*f - '0');
    for (; *f == 'l' || *f == 'z'; f++)
        is_long = true;
    switch (*f) {
    case 'd': {
        int64_t v = is_long ? va_arg(*args, int64_t) : va_arg(*args, int);
        put_number(v < 0 ? 0 - (uint64_t)v : (uint64_t)v, 10, width, pad, v < 0);
        break;
    }
    case 'u':
    case 'x': {
        uint64_t v = is_long ? va_arg(*args, uint64_t) : va_arg(*args, unsigned);
        put_number(v, *f == 'x' ? 16 : 10, width, pad, false);
        break;
    }
    case 'p':
        put_number((uintptr_t)va_arg(*args, void *), 16, 16, '0', false);
        break;
    case 's':
        put_string(va_arg(*args, const char *), width);
        break;
    case 'c':
        put((char)va_arg(*args, int));
        break;
    default:
        put(*f);
    }
    return f + 1;
}

static void vprint(const char *f, va_list *args) {
    while (*f) {
        if (*f == '%') {
            f = put_conversion(f + 1, args);
        } else {
            if (*f == '\n')
                put('\r');
            put(*f++);
        }
    }
}

void kprintf(const char *format, ...) {
    va_list args;
    va_start(args, format);
    vprint(format, &args);
    va_end(args);
    kobject_reap_log();
}

void panic(const char *format, ...) {
    va_list args;
    va_start(args, format);
    kprintf("\nPANIC: ");
    vprint(format, &args);
    va_end(args);
    kprintf("\n");
    kprint_flush();
    arch_backtrace(__builtin_frame_address(0));
    arch_machine_stop(ARCH_STOP_EXIT, 255);
}
