/* SPDX-License-Identifier: MIT */
/*
 * ps: all processes, from /proc/PID/stat and /proc/PID/cmdline (proc(5)). One format, no options
 * but those that people type by habit (-e, -f, -A, a, u, x, ax), which change nothing.
 */
#include "tool.h"

#include <ctype.h>
#include <dirent.h>
#include <err.h>
#include <stdlib.h>
#include <string.h>

struct process {
    int pid, ppid, pgrp;
    char state;
    char command[1024];
};

static size_t read_file(int pid, const char *name, char *data, size_t size) {
    char path[64];
    size_t len;
    FILE *file;

    snprintf(path, sizeof(path), "/proc/%d/%s", pid, name);
    file = fopen(path, "r");
    if (!file)
        return 0;
    len = fread(data, 1, size - 1, file);
    data[len] = '\0';
    fclose(file);
    return len;
}

/* The arguments with blanks between them; a process without any shows its name in brackets. */
static void read_command(struct process *process, const char *name, int name_len) {
    size_t len = read_file(process->pid, "cmdline", process->command, sizeof(process->command));

    while (len > 0 && !process->command[len - 1])
        len--;
    if (len == 0) {
        snprintf(process->command, sizeof(process->command), "[%.*s]", name_len, name);
        return;
    }
    for (size_t i = 0; i < len; i++) {
        if (!isprint((unsigned char)process->command[i]))
            process->command[i] = ' ';
    }
}

/* False when the process has gone meanwhile. The name may hold anything, also parentheses. */
static bool read_process(int pid, struct process *process) {
    char stat[1024];
    const char *name, *end;

    process->pid = pid;
    if (read_file(pid, "stat", stat, sizeof(stat)) == 0)
        return false;
    name = strchr(stat, '(');
    end = strrchr(stat, ')');
    if (!name || !end ||
        sscanf(end + 1, " %c %d %d", &process->state, &process->ppid, &process->pgrp) != 3)
        return false;
    read_command(process, name + 1, (int)(end - name - 1));
    return true;
}

static int is_process(const struct dirent *entry) {
    return isdigit((unsigned char)entry->d_name[0]);
}

static int by_pid(const struct dirent **a, const struct dirent **b) {
    return atoi((*a)->d_name) - atoi((*b)->d_name);
}

int main(int argc, char **argv) {
    struct dirent **entries;
    struct process process;
    int count;

    if (argc > 2 || (argc == 2 && strspn(argv[1], "-efAaux") != strlen(argv[1])))
        errx(2, "usage: ps");
    count = scandir("/proc", &entries, is_process, by_pid);
    if (count < 0)
        err(1, "/proc");
    printf("%7s %7s %7s %-4s %s\n", "PID", "PPID", "PGRP", "STAT", "COMMAND");
    for (int i = 0; i < count; i++) {
        if (read_process(atoi(entries[i]->d_name), &process))
            printf("%7d %7d %7d %-4c %s\n", process.pid, process.ppid, process.pgrp, process.state,
                   process.command);
        free(entries[i]);
    }
    free(entries);
    return finish_output(0);
}
