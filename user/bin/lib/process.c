/* SPDX-License-Identifier: MIT */
/* Processes from /proc/PID/stat, status and cmdline (process.h). */
#include "process.h"

#include <ctype.h>
#include <dirent.h>
#include <err.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define PID_MAX 4194304 /* above are servers' threads */

static size_t read_file(int pid, const char *name, char *data, size_t size) {
    char path[64];
    size_t length;
    FILE *file;

    snprintf(path, sizeof(path), "/proc/%d/%s", pid, name);
    file = fopen(path, "r");
    if (!file)
        return 0;
    length = fread(data, 1, size - 1, file);
    data[length] = '\0';
    fclose(file);
    return length;
}

static void read_args(struct process *p) {
    size_t length = read_file(p->pid, "cmdline", p->args, sizeof(p->args));

    while (length > 0 && !p->args[length - 1])
        length--;
    if (length == 0)
        snprintf(p->args, sizeof(p->args), "[%s]", p->name);
    for (size_t i = 0; i < length; i++)
        if (!isprint((unsigned char)p->args[i]))
            p->args[i] = ' ';
}

/* The number behind a line's name in status. */
static unsigned long long status_value(const char *status, const char *name) {
    const char *line = strstr(status, name);

    return line ? strtoull(line + strlen(name), NULL, 10) : 0;
}

static void read_status(struct process *p) {
    char status[4096] = "";

    read_file(p->pid, "status", status, sizeof(status));
    p->uid = (unsigned)status_value(status, "\nUid:");
    p->calls = status_value(status, "\nvoluntary_ctxt_switches:");
    p->preempted = status_value(status, "\nnonvoluntary_ctxt_switches:");
}

/* The name may hold anything, also parentheses. */
static bool read_stat(struct process *p) {
    char stat[1024], *name, *end;

    if (read_file(p->pid, "stat", stat, sizeof(stat)) == 0)
        return false;
    name = strchr(stat, '(');
    end = strrchr(stat, ')');
    if (!name || !end)
        return false;
    *end = '\0';
    snprintf(p->name, sizeof(p->name), "%s", name + 1);
    unsigned long long user, system;
    if (sscanf(end + 1,
               " %c %d %d %d %*d %*d %*u %*u %*u %*u %*u %llu %llu %*d %*d %d %d %llu %*d %llu "
               "%llu %llu %*u %*u %*u %*u %*u %*u %*u %*u %*u %*u %*u %*u %*u %*d %d %d %d",
               &p->state, &p->ppid, &p->pgrp, &p->session, &user, &system, &p->priority, &p->nice,
               &p->threads, &p->start, &p->vsize, &p->rss, &p->hart, &p->rt_priority,
               &p->policy) != 15)
        return false;
    p->ticks = user + system;
    return true;
}

bool process_read(int pid, struct process *p) {
    *p = (struct process){.pid = pid, .is_server = pid > PID_MAX};
    if (!read_stat(p))
        return false;
    read_status(p);
    read_args(p);
    return true;
}

static int is_process(const struct dirent *entry) {
    return isdigit((unsigned char)entry->d_name[0]);
}

static int by_pid(const struct dirent **a, const struct dirent **b) {
    return atoi((*a)->d_name) - atoi((*b)->d_name);
}

size_t processes_read(struct process **all) {
    struct dirent **entries;
    int found = scandir("/proc", &entries, is_process, by_pid);
    size_t count = 0;

    if (found < 0)
        err(1, "/proc");
    *all = calloc((size_t)found + 1, sizeof(**all));
    if (!*all)
        err(1, NULL);
    for (int i = 0; i < found; i++) {
        count += process_read(atoi(entries[i]->d_name), &(*all)[count]);
        free(entries[i]);
    }
    free(entries);
    return count;
}
