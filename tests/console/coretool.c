/* SPDX-License-Identifier: MIT */
/*
 * For core_test.py and debugger_test.py. "coretool crash": two threads, of which the second faults, below two functions
 * that a debugger is to name. "coretool wait": it waits for SIGUSR1, and ends with `answer`. "coretool print FILE": the file's pages that are not zero, in hexadecimal digits, each with its offset.
 */
#include <pthread.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#define PAGE 4096

static volatile int *volatile nowhere;
static volatile int answer = 42;
static int ready[2];

static __attribute__((noinline, noclone)) int inner_function(int number) {
    return *nowhere + number;
}

static __attribute__((noinline, noclone)) int outer_function(int number) {
    return inner_function(number + 1) + answer;
}

static void *second_thread(void *unused) {
    char byte;

    (void)unused;
    if (read(ready[0], &byte, 1) != 1)
        return NULL;
    usleep(100000); /* so that the first one is seen where it waits */
    outer_function(answer);
    return NULL;
}

static __attribute__((noinline, noipa)) int waiting_function(pthread_t other) {
    if (write(ready[1], "", 1) != 1 || pthread_join(other, NULL))
        return 1;
    return answer;
}

static int crash(void) {
    pthread_t other;

    if (pipe(ready) < 0 || pthread_create(&other, NULL, second_thread, NULL))
        return 1;
    return waiting_function(other) + answer;
}

static volatile sig_atomic_t waited;

static void handler(int signal) {
    (void)signal;
    waited = 1;
}

static __attribute__((noinline, noclone)) int sleeping_function(void) {
    while (!waited)
        pause();
    return answer;
}

static int print(const char *name) {
    static unsigned char page[PAGE], zeros[PAGE];
    FILE *file = fopen(name, "r");
    size_t n;

    if (!file)
        return 1;
    for (unsigned long at = 0; (n = fread(page, 1, PAGE, file)) > 0; at += n) {
        if (!memcmp(page, zeros, n))
            continue;
        printf("page %lx ", at);
        for (size_t i = 0; i < n; i++)
            printf("%02x", page[i]);
        printf("\n");
    }
    printf("end %lx\n", (unsigned long)ftell(file));
    return fclose(file);
}

int main(int argc, char **argv) {
    if (argc == 2 && !strcmp(argv[1], "crash"))
        return crash();
    if (argc == 2 && !strcmp(argv[1], "wait"))
        return signal(SIGUSR1, handler) == SIG_ERR ? 1 : sleeping_function();
    return argc == 3 && !strcmp(argv[1], "print") ? print(argv[2]) : 2;
}
