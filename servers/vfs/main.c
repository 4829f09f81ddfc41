/* SPDX-License-Identifier: MIT */
/* The vfs server: names, files in memory, descriptors, pipes, devices (protocols/vfs.toml). */
#include "file.h"
#include "initrd.h"
#include "terminal.h"
#include "tty.h"

#include <lib/heap.h>
#include <protocol/console_client.h>

static void on_events(uint64_t bits) {
    if (bits & CONSOLE_EVENT_NEW) {
        tty_attach_again();
        terminals_lost();
    }
    if (bits & CONSOLE_EVENT_VFS) {
        terminals_woken();
    }
}

int main(void) {
    static const struct server server = {
        .name = "vfs",
        .protocol = &vfs_protocol,
        .clients = &context_ops,
        .on_events = on_events,
    };
    /* The files that are there from the beginning are nobody's in particular: all users pay. */
    static struct heap image_heap;
    image_heap.account = image_heap.data_account = boot_cap("pay:users");
    heap_current = &image_heap;
    int error = tree_init(boot_info->secret);
    if (!error) {
        error = node_nameless_init();
    }
    if (!error) {
        error = data_init();
    }
    if (!error) {
        error = initrd_unpack();
    }
    if (!error) {
        error = initrd_add_standard();
    }
    if (error) {
        server_panic("no files: error %d", error);
    }
    heap_current = &heap_own;
    tty_init();
    return (int)server_run(&server);
}
