/* SPDX-License-Identifier: MIT */
/*
 * The boot image, a cpio archive, becomes the first files (tools/parleytools/cpio.py makes it).
 *
 * A file whose data is page-aligned keeps its whole pages where they lie: its object shares the
 * archive's frames. Its last, partial page is copied, because behind the file's end it must be
 * zero, and in the archive the next header follows. The rest is copied whole. When the archive's
 * capability is dropped, the frames belong to the files.
 */
#include "terminal.h"
#include "initrd.h"

#include <lib/heap.h>
#include <lib/clock.h>
#include <stdlib.h>
#include <string.h>

#include "cpio.h"
#include "file.h"
#include "path.h"
#include "served.h"

#define PAGE 4096ull
#define SECOND 1000000000ull

struct archive {
    uint64_t object;
    const uint8_t *bytes;
    uint64_t length;
};

static const struct credentials root = {.uid = 0};

/* Puts a node at a path, whose missing directories are made. */
static int add_at(const char *path, struct node *node) {
    struct node *dir = tree_root;
    for (;;) {
        size_t length = strcspn(path, "/");
        const char *rest = path + length + strspn(path + length, "/");
        struct name *name = dir_find(dir, path, length);
        if (*rest == '\0') {
            if (name) {
                dir_remove(name);
            }
            return dir_add(dir, path, length, node);
        }
        if (!name) {
            struct node *made = node_new(MODE_DIRECTORY | 0755, 0, 0);
            int error = made ? dir_add(dir, path, length, made) : -ENOMEM;
            if (error) {
                return error;
            }
            name = dir_find(dir, path, length);
        }
        if (!node_is_dir(name->node)) {
            return -ENOTDIR;
        }
        dir = name->node;
        path = rest;
    }
}

/* Copies [from, size) of a file's data, which the archive's pages cannot hold for it. */
static int copy_rest(const struct archive *archive, const struct cpio_entry *entry, uint64_t object,
                     uint64_t from) {
    while (from < entry->size) {
        long done =
            pk_object_write(object, from, archive->bytes + entry->data + from, entry->size - from);
        if (done <= 0) {
            return -ENOMEM;
        }
        from += (uint64_t)done;
    }
    return 0;
}

static int fill_file(const struct archive *archive, const struct cpio_entry *entry,
                     struct node *node) {
    uint64_t shared = entry->data % PAGE == 0 ? entry->size & ~(PAGE - 1) : 0;
    uint64_t capacity = (entry->size + PAGE - 1) & ~(PAGE - 1);
    long object =
        shared ? pk_object_create_for(heap_data_account(), shared, archive->object, entry->data)
               : pk_object_create_for(heap_data_account(), capacity, 0, 0);
    if (object < 0) {
        return (int)object;
    }
    node->file.object = (uint64_t)object;
    node->file.capacity = capacity;
    node->size = entry->size;
    if (shared && capacity > shared && pk_object_resize((uint64_t)object, capacity) < 0) {
        return -ENOMEM;
    }
    return copy_rest(archive, entry, (uint64_t)object, shared);
}

static int fill_symlink(const struct archive *archive, const struct cpio_entry *entry,
                        struct node *node) {
    if (entry->size >= PATH_LONGEST) {
        return -ENAMETOOLONG;
    }
    node->target = malloc(entry->size + 1);
    if (!node->target) {
        return -ENOMEM;
    }
    memcpy(node->target, archive->bytes + entry->data, entry->size);
    node->target[entry->size] = '\0';
    node->size = strlen(node->target);
    return 0;
}

/* An entry for a directory that is there already only changes its attributes. */
static bool update_directory(const struct cpio_entry *entry) {
    struct walk walk;
    if ((entry->mode & MODE_TYPE) != MODE_DIRECTORY ||
        path_walk(entry->path, tree_root, &root, WALK_NOFOLLOW | WALK_EMPTY, &walk) || !walk.node ||
        !node_is_dir(walk.node)) {
        return false;
    }
    walk.node->mode = MODE_DIRECTORY | (entry->mode & 07777);
    walk.node->uid = entry->uid;
    walk.node->gid = entry->gid;
    return true;
}

static int add_entry(const struct archive *archive, const struct cpio_entry *entry) {
    uint32_t type = entry->mode & MODE_TYPE;
    int error = 0;
    if (update_directory(entry) || *entry->path == '\0') {
        return 0;
    }
    struct node *node = node_new(entry->mode, entry->uid, entry->gid);
    if (!node) {
        return -ENOMEM;
    }
    node->mtime = entry->mtime ? entry->mtime * SECOND : node->mtime;
    if (type == MODE_REGULAR && entry->size > 0) {
        error = fill_file(archive, entry, node);
    } else if (type == MODE_SYMLINK) {
        error = fill_symlink(archive, entry, node);
    } else if (type == MODE_CHARACTER || type == MODE_BLOCK) {
        node->device = lx_makedev(entry->rdev_major, entry->rdev_minor);
    }
    if (!error) {
        error = add_at(entry->path, node);
    }
    if (error) {
        node_check(node);
    }
    return error;
}

static int unpack(const struct archive *archive) {
    struct cpio_entry entry;
    uint64_t offset = 0;
    int found;
    while ((found = cpio_next(archive->bytes, archive->length, &offset, &entry)) > 0) {
        int error = add_entry(archive, &entry);
        if (error) {
            server_log("boot image: %s: error %d\n", entry.path, error);
        }
    }
    return found;
}

int initrd_unpack(void) {
    struct archive archive = {.object = boot_cap("initrd")};
    struct pk_object_info info;
    long error = pk_object_info(archive.object, &info);
    if (error < 0) {
        return (int)error;
    }
    archive.length = info.size;
    long base = pk_map(0, 0, (info.size + PAGE - 1) & ~(PAGE - 1), PK_PROT_READ | PK_MAP_SHARED,
                       archive.object, 0, 0);
    if (base < 0) {
        return (int)base;
    }
    archive.bytes = (const uint8_t *)base;
    int result = unpack(&archive);
    must(pk_unmap(0, (uint64_t)base, (info.size + PAGE - 1) & ~(PAGE - 1)));
    must(pk_cap_drop(0, archive.object));
    return result;
}

static int add_special(const char *path, uint32_t mode, uint32_t gid, uint32_t major,
                       uint32_t minor) {
    struct cpio_entry entry = {
        .path = path, .mode = mode, .gid = gid, .rdev_major = major, .rdev_minor = minor};
    return add_entry(NULL, &entry);
}

static int add_link(const char *path, const char *target) {
    struct archive archive = {.bytes = (const uint8_t *)target};
    struct cpio_entry entry = {.path = path, .mode = MODE_SYMLINK | 0777, .size = strlen(target)};
    return add_entry(&archive, &entry);
}

int initrd_add_standard(void) {
    static const struct {
        const char *path;
        uint32_t mode;
        uint32_t major;
        uint32_t minor;
        uint32_t gid;
    } list[] = {
        {"tmp", MODE_DIRECTORY | MODE_STICKY | 0777, 0, 0, 0},
        {"proc", MODE_DIRECTORY | 0555, 0, 0, 0},
        {"dev", MODE_DIRECTORY | 0755, 0, 0, 0},
        {"dev/console", MODE_CHARACTER | 0600, 5, 1, GROUP_TTY},
        {"dev/ttyS0", MODE_CHARACTER | 0620, 4, 64, GROUP_TTY},
        {"dev/tty", MODE_CHARACTER | 0666, 5, 0, GROUP_TTY},
        {"dev/null", MODE_CHARACTER | 0666, 1, 3, 0},
        {"dev/zero", MODE_CHARACTER | 0666, 1, 5, 0},
        {"dev/full", MODE_CHARACTER | 0666, 1, 7, 0},
        {"dev/random", MODE_CHARACTER | 0666, 1, 8, 0},
        {"dev/urandom", MODE_CHARACTER | 0666, 1, 9, 0},
        {"dev/ptmx", MODE_CHARACTER | 0666, 5, 2, GROUP_TTY},
        {"dev/pts", MODE_DIRECTORY | 0755, 0, 0, 0},
        {"dev/shm", MODE_DIRECTORY | MODE_STICKY | 0777, 0, 0, 0},
        {"dev/mqueue", MODE_DIRECTORY | MODE_STICKY | 0777, 0, 0, 0},
    };
    for (size_t i = 0; i < sizeof(list) / sizeof(list[0]); i++) {
        int error =
            add_special(list[i].path, list[i].mode, list[i].gid, list[i].major, list[i].minor);
        if (error) {
            return error;
        }
    }
    tree_remote = dir_find(tree_root, "proc", 4)->node;
    tree_remote->dir.remote = true;
    const struct node *dev = dir_find(tree_root, "dev", 3)->node;
    pty_init(dir_find(dev, "pts", 3)->node);
    served_setup(dev);
    int error = add_link("dev/fd", "/proc/self/fd");
    error = error ? error : add_link("dev/stdin", "/proc/self/fd/0");
    error = error ? error : add_link("dev/stdout", "/proc/self/fd/1");
    return error ? error : add_link("dev/stderr", "/proc/self/fd/2");
}

uint64_t vfs_now(void) {
    return clock_realtime_ns();
}
