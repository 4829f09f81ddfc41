/* SPDX-License-Identifier: MIT */
/* Pseudo-terminals: /dev/ptmx, which makes one, and the name of its slave in /dev/pts (pty(7), pts(4)). */
#include "tty.h"

#include <lib/heap.h>
#include <protocol/console_client.h>
#include <stdio.h>
#include <stdlib.h>

static struct node *directory; /* /dev/pts */

void pty_init(struct node *node) {
    directory = node_hold(node);
}

bool pty_has(const struct node *node) {
    return node == directory || (node->own && node->own->dir == directory);
}

static size_t name_of(uint32_t number, char text[16]) {
    return (size_t)snprintf(text, 16, "%u", (unsigned)number - 1);
}

/* The slave's node is its user's. One of that name would be of a pseudo-terminal that the console server has lost. */
static long add_name(struct terminal *terminal, const struct client *client) {
    char text[16];
    uint32_t number = (uint32_t)terminal->number.key;
    size_t length = name_of(number, text);
    struct name *old = dir_find(directory, text, length);
    if (directory->nlink == 0) {
        return -ENOENT;
    }
    if (old) {
        dir_remove(old);
    }
    struct node *node = node_new(MODE_CHARACTER | 0620, client->uid, GROUP_TTY);
    if (!node) {
        return -ENOMEM;
    }
    node->device = lx_makedev(PTS_MAJOR, number - 1);
    long error = dir_add(directory, text, length, node);
    if (error) {
        node_check(node);
        return error;
    }
    terminal->name = node_hold(node);
    return 0;
}

static void remove_name(struct terminal *terminal) {
    char text[16];
    size_t length = name_of((uint32_t)terminal->number.key, text);
    struct name *name = terminal->name ? dir_find(directory, text, length) : NULL;
    if (name && name->node == terminal->name) {
        dir_remove(name);
    }
    if (terminal->name) {
        node_put(terminal->name);
    }
    terminal->name = NULL;
}

/* The pseudo-terminal is kept in memory that whoever opens it pays for. */
static long create(uint64_t *opened) {
    long memory = pk_object_create_for(heap_data_account(), CONSOLE_MEMORY, 0, 0);
    if (memory < 0) {
        return memory;
    }
    long error = console_create(tty_console, (uint64_t)memory, opened);
    must(pk_cap_drop(0, (uint64_t)memory));
    return error;
}

static long open_created(const struct client *client, struct file *file, uint64_t opened) {
    struct tty_file *tty = malloc(sizeof(*tty));
    struct terminal *terminal = tty ? terminal_new((uint32_t)(opened >> CONSOLE_LIFE_BITS)) : NULL;
    if (!terminal) {
        free(tty);
        return -ENOMEM;
    }
    long error = add_name(terminal, client);
    if (error) {
        terminal_end(terminal);
        free(tty);
        return error;
    }
    *tty = (struct tty_file){.terminal = terminal_hold(terminal), .opened = opened, .master = true};
    file->tty = tty;
    return 0;
}

static long master_open(struct client *client, struct file *file, uint32_t flags) {
    uint64_t opened = 0;
    (void)flags;
    long error = create(&opened);
    if (error < 0) {
        return error == -ENOMEM ? -ENOSPC : error;
    }
    error = open_created(client, file, opened);
    if (error < 0) {
        pk_may_fail(console_destroy(tty_console, opened)); /* it may have died, and it with it */
    }
    return error;
}

static void master_close(struct file *file) {
    struct tty_file *tty = file->tty;
    if (!tty) {
        return;
    }
    remove_name(tty->terminal);
    pk_may_fail(console_destroy(tty_console, tty->opened)); /* it may have died, and it with it */
    terminal_end(tty->terminal);
    terminal_put(tty->terminal);
    free(tty);
}

#define TIOCGPTPEER 0x5441

/* Its slave, whatever is in /dev/pts as this process sees it. */
static long open_peer(struct request *req, const struct tty_file *master, uint32_t flags) {
    struct client *client = request_client(req);
    struct context *context = request_context(req);
    if (!context || !master->terminal->name) {
        return -EIO;
    }
    if (flags & ~(LX_O_ACCMODE | LX_O_NOCTTY | LX_O_CLOEXEC | LX_O_NONBLOCK)) {
        return -EINVAL;
    }
    struct file *file = file_new(master->terminal->name, &tty_ops, flags);
    if (!file) {
        return -ENOMEM;
    }
    long fd = fd_give(context, file, flags & LX_O_CLOEXEC);
    long error = fd < 0 ? 0 : tty_open(client, file, flags);
    if (error < 0) {
        fd_close(context, (int)fd);
        return error;
    }
    return fd;
}

static long master_ioctl(struct request *req, struct file *file, uint32_t request,
                         uint64_t argument) {
    return request == TIOCGPTPEER ? open_peer(req, file->tty, (uint32_t)argument)
                                  : tty_ioctl(req, file, request, argument);
}

const struct file_ops master_ops = {
    .read = tty_read,
    .write = tty_write,
    .ioctl = master_ioctl,
    .poll = tty_poll,
    .poll_queue = tty_poll_queue,
    .open = master_open,
    .close = master_close,
};
