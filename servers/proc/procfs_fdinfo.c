/* SPDX-License-Identifier: MIT */
/* /proc/PID/fdinfo (proc(5)): what descriptors stand for. vfs has the open files; which process a pidfd is of is known here. */
#include "procfs.h"
#include <protocol/vfs_client.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define O_CLOEXEC 02000000u

struct open_file {
    int fd;
    uint32_t flags;
    uint64_t position, inode, mount, served;
};

/* The first from that number on. */
static bool find(const struct process *p, int from, struct open_file *file) {
    return vfs_descriptor(connect_endpoint(PK_SLOT_VFS), process_pid(p), from, &file->fd,
                          &file->position, &file->flags, &file->inode, &file->mount,
                          &file->served) == 0;
}

bool procfs_has_descriptor(const struct process *p, int fd) {
    struct open_file file;
    return find(p, fd, &file) && file.fd == fd;
}

static bool list(struct making *m) {
    struct open_file file;
    for (int n = 0; n < MADE_AT_ONCE; n++) {
        char name[16];
        if (!find(m->process, (int)m->at, &file))
            return false;
        snprintf(name, sizeof name, "%d", file.fd);
        text_name(&m->text, DT_REG, name);
        m->at = (uint64_t)file.fd + 1;
    }
    return true;
}

/* The number is the path's last part. */
static bool make(struct making *m) {
    struct open_file file;
    int fd = atoi(strrchr(m->path, '/') + 1), pid;
    if (!find(m->process, fd, &file) || file.fd != fd)
        return false;
    text_print(&m->text, "pos:\t%lu\nflags:\t0%o\nmnt_id:\t%lu\nino:\t%lu\n",
               (unsigned long)file.position, file.flags, (unsigned long)file.mount,
               (unsigned long)file.inode);
    if (pidfd_tells(file.served, &pid))
        text_print(&m->text, "Pid:\t%d\nNSpid:\t%d\n", pid, pid);
    return false;
}

const struct folder procfs_fdinfo = {.numbers = list, .guarded = true};
const struct entry procfs_descriptor = {.mode = S_IFREG | 0400, .make = make, .guarded = true};
