/* SPDX-License-Identifier: MIT */
/* From what happens to whom it is told (notify.h). */
#include "notify.h"

uint64_t notify_count;

/* A watch that has had its one shot goes, so the next one is looked up first. */
static void tell(const struct node *node, uint32_t what, uint32_t cookie, const char *name,
                 size_t length) {
    for (struct notify_watch *watch = node->watches; watch;) {
        struct notify_watch *next = watch->next;
        if (watch->mask & what & NOTIFY_ALL) {
            inotify_tell(watch, what, cookie, name, length);
        }
        watch = next;
    }
}

static uint32_t kind_of(const struct node *node) {
    return node_is_dir(node) ? NOTIFY_DIRECTORY : 0;
}

void notify_tell_name(const struct node *dir, const char *name, size_t length,
                      const struct node *child, uint32_t what, uint32_t cookie) {
    tell(dir, what | kind_of(child), cookie, name, length);
}

void notify_tell_node(const struct node *node, uint32_t what) {
    uint32_t inherited = what & ~(NOTIFY_DELETE_SELF | NOTIFY_MOVE_SELF);
    if (node->own && node->own->dir->watches && inherited) {
        notify_tell_name(node->own->dir, node->own->text, node->own->length, node, inherited, 0);
    }
    tell(node, what | kind_of(node), 0, NULL, 0);
}

uint32_t notify_cookie(void) {
    static uint32_t last;
    return ++last;
}

void notify_gone(struct node *node) {
    while (node->watches) {
        struct notify_watch *watch = node->watches;
        if (watch->mask & NOTIFY_DELETE_SELF) {
            inotify_tell(watch, NOTIFY_DELETE_SELF, 0, NULL, 0);
        }
        if (node->watches == watch) {
            inotify_forget(watch);
        }
    }
}
