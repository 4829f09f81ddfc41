/* SPDX-License-Identifier: MIT */
/*
 * ipcs [-qmsab] [-t | -p | -c | -l | -u], ipcs -q|-m|-s -i ID: shows System V IPC objects, with the
 * options and the layout of util-linux. Everything comes from the *ctl calls (SHM_INFO, SHM_STAT
 * and their like), nothing from /proc. The kinds stand in ipcs_shm.c, ipcs_msg.c and ipcs_sem.c.
 */
#include "ipcs.h"

#include "names.h"
#include "tool.h"

#include <err.h>
#include <getopt.h>
#include <stdlib.h>

unsigned ipcs_unit = 1024;

/* ---- Shared columns ----------------------------------------------------------------------- */

void ipcs_creators_title(const char *id_name) {
    printf("%-10s %-10s %-10s %-10s %-10s %-10s\n", id_name, "perms", "cuid", "cgid", "uid", "gid");
}

void ipcs_print_creators(int id, const struct ipc_perm *perm) {
    printf("%-10d %-10o %-10s ", id, perm->mode & 0777u, user_name(perm->cuid));
    printf("%-10s ", group_name(perm->cgid));
    printf("%-10s ", user_name(perm->uid));
    printf("%-10s\n", group_name(perm->gid));
}

void ipcs_print_owner(int width, int id, const struct ipc_perm *perm) {
    printf("%-*d %-10.10s ", width, id, user_name(perm->uid));
}

void ipcs_print_key(int id, const struct ipc_perm *perm) {
    printf("0x%08x ", (unsigned int)perm->__key);
    ipcs_print_owner(10, id, perm);
    printf("%-10o ", perm->mode & 0777u);
}

static const char *format_time(time_t when, const char *format) {
    static char text[64];
    struct tm *broken = localtime(&when);

    if (when == 0)
        return "Not set";
    if (!broken || !strftime(text, sizeof(text), format, broken))
        snprintf(text, sizeof(text), "%lld", (long long)when);
    return text;
}

const char *ipcs_long_time(time_t when) {
    return format_time(when, "%a %b %e %H:%M:%S %Y");
}

const char *ipcs_short_time(time_t when) {
    return format_time(when, "%b %e %H:%M:%S");
}

/* ---- Options ------------------------------------------------------------------------------ */

static void usage(FILE *stream) {
    fprintf(stream, "usage: ipcs [-q] [-m] [-s] [-a] [-b] [-t | -p | -c | -l | -u]\n"
                    "       ipcs -q|-m|-s -i ID\n");
}

static void show_detail(bool queues, bool segments, bool semaphores, int id) {
    if (segments)
        ipcs_shm_detail(id);
    if (queues)
        ipcs_msg_detail(id);
    if (semaphores)
        ipcs_sem_detail(id);
}

static void show(bool queues, bool segments, bool semaphores, enum ipcs_view view) {
    putchar('\n');
    if (queues) {
        ipcs_msg(view);
        putchar('\n');
    }
    if (segments) {
        ipcs_shm(view);
        putchar('\n');
    }
    if (semaphores) {
        ipcs_sem(view);
        putchar('\n');
    }
}

int main(int argc, char **argv) {
    static const struct option options[] = {
        {"id", required_argument, NULL, 'i'},
        {"shmems", no_argument, NULL, 'm'},
        {"queues", no_argument, NULL, 'q'},
        {"semaphores", no_argument, NULL, 's'},
        {"all", no_argument, NULL, 'a'},
        {"time", no_argument, NULL, 't'},
        {"pid", no_argument, NULL, 'p'},
        {"creator", no_argument, NULL, 'c'},
        {"limits", no_argument, NULL, 'l'},
        {"summary", no_argument, NULL, 'u'},
        {"bytes", no_argument, NULL, 'b'},
        {"help", no_argument, NULL, 'h'},
        {NULL, 0, NULL, 0},
    };
    bool queues = false, segments = false, semaphores = false;
    enum ipcs_view view = VIEW_LIST;
    long id = -1;
    int option;

    while ((option = getopt_long(argc, argv, "i:mqsabtpcluh", options, NULL)) != -1) {
        switch (option) {
        case 'i':
            id = parse_number(optarg, "id");
            break;
        case 'm':
            segments = true;
            break;
        case 'q':
            queues = true;
            break;
        case 's':
            semaphores = true;
            break;
        case 'a':
            queues = segments = semaphores = true;
            break;
        case 'b':
            ipcs_unit = 1;
            break;
        case 't':
            view = VIEW_TIMES;
            break;
        case 'p':
            view = VIEW_PIDS;
            break;
        case 'c':
            view = VIEW_CREATORS;
            break;
        case 'l':
            view = VIEW_LIMITS;
            break;
        case 'u':
            view = VIEW_SUMMARY;
            break;
        case 'h':
            usage(stdout);
            return 0;
        default:
            usage(stderr);
            return 1;
        }
    }
    if (id >= 0) {
        if (queues + segments + semaphores != 1)
            errx(1, "-i needs one of -m, -q and -s");
        show_detail(queues, segments, semaphores, (int)id);
        return finish_output(0);
    }
    if (!queues && !segments && !semaphores)
        queues = segments = semaphores = true;
    show(queues, segments, semaphores, view);
    return finish_output(0);
}
