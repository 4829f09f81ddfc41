/* SPDX-License-Identifier: MIT */
/* The kernel's own messages, by the firmware's console: for boot, diagnostics and panics. */
#include <arch/machine.h>
#include <lib/lib.h>

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
        arch_console_put(pad);
    while (n)
        arch_console_put(digits[--n]);
}

static void put_string(const char *s, int width) {
    for (; *s; s++, width--)
        arch_console_put(*s);
    for (; width > 0; width--)
        arch_console_put(' ');
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
        arch_console_put((char)va_arg(*args, int));
        break;
    default:
        arch_console_put(*f);
    }
    return f + 1;
}

static void vprint(const char *f, va_list *args) {
    while (*f) {
        if (*f == '%') {
            f = put_conversion(f + 1, args);
        } else {
            if (*f == '\n')
                arch_console_put('\r');
            arch_console_put(*f++);
        }
    }
}

void kprintf(const char *format, ...) {
    va_list args;
    va_start(args, format);
    vprint(format, &args);
    va_end(args);
}

void panic(const char *format, ...) {
    va_list args;
    va_start(args, format);
    kprintf("\nPANIC: ");
    vprint(format, &args);
    va_end(args);
    kprintf("\n");
    arch_backtrace(__builtin_frame_address(0));
    arch_machine_stop(ARCH_STOP_EXIT, 255);
}
