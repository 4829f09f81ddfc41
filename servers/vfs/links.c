/* SPDX-License-Identifier: MIT */
/*
 * What is this server's in the part of the tree that is the process server's: /proc/PID/fd and its entries, cwd,
 * root and exe (proc(5)), for PID also "self", and "task/PID" behind it. Whoever may look into a process is led
 * straight to the file, whatever has become of its name.
 */
#include "remote.h"

#include <lib/pathnumber.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define SLOTS 2 /* walks of one request */

/* Nodes made for a walk's result live until as many more were made; the request may hold them longer. */
static struct node *made[SLOTS];
static unsigned made_next;

static struct node *node_made(uint32_t mode, const struct client *of, const char *path) {
    struct context *context = of->data;
    bool guarded = context->guarded; /* root's then, as on Linux */
    struct node *node = node_new(mode, guarded ? 0 : of->uid, guarded ? 0 : of->gid);
    if (!node) {
        return NULL;
    }
    node_hold(node);
    if (made[made_next]) {
        node_put(made[made_next]);
    }
    made[made_next] = node;
    made_next = (made_next + 1) % SLOTS;
    node->dev = DEVICE_MADE;
    node->ino = path_number(path);
    return node;
}

/* The number at the start of a text, and what follows it; -1: none, or too large. */
static int number_of(const char **text) {
    int number = 0;
    const char *at = *text;
    while (*at >= '0' && *at <= '9') {
        if (__builtin_mul_overflow(number, 10, &number) ||
            __builtin_add_overflow(number, *at++ - '0', &number)) {
            return -1;
        }
    }
    bool leading = (*text)[0] == '0' && at > *text + 1;
    bool ends = *at == '\0' || *at == '/';
    if (at == *text || leading || !ends) {
        return -1;
    }
    *text = at;
    return number;
}

/* "PID/" or "self/" at *text, which is passed; 0 if there is none. */
static int pid_at(const char **text, const struct credentials *who) {
    int pid = who->pid;
    if (strncmp(*text, "self/", 5) == 0) {
        *text += 4;
    } else {
        pid = number_of(text);
    }
    return pid > 0 && *(*text)++ == '/' ? pid : 0;
}

/* Whose a path is, and the rest of it behind "PID/"; NULL if it is no client's. */
static struct client *client_at(const char **path, const struct credentials *who) {
    const char *text = *path + strcspn(*path + 1, "/") + 1;
    if (*text++ != '/') {
        return NULL;
    }
    int pid = strncmp(text, "thread-self/", 12) == 0 ? (text += 12, who->pid) : pid_at(&text, who);
    if (pid > 0 && strncmp(text, "task/", 5) == 0) {
        text += 5;
        pid = number_of(&text) == pid && *text++ == '/' ? pid : 0;
    }
    *path = text;
    return context_client(pid);
}

/* As the process server has it (may_look_into): what runs for one user alone is open to that user. */
static bool may_look(const struct credentials *who, const struct client *client) {
    const struct context *context = client->data;
    return who->pid == client_pid(client) || who->uid == 0 ||
           (who->uid == client->uid && who->gid == client->gid && !context->guarded);
}

char *node_path(const struct node *node, const struct node *root) {
    static char path[PATH_LONGEST];
    if (node == root) {
        return strdup("/");
    }
    if (node_is_dir(node) && node->dir.remote_path) {
        return strdup(node->dir.remote_path);
    }
    if (node->own) {
        return name_path(node->own, root, path, sizeof(path)) < 0 ? NULL : strdup(path);
    }
    if (node->removed) {
        return strdup(node->removed);
    }
    const char *format = node_type(node) == MODE_FIFO     ? "pipe:[%lu]"
                         : node_type(node) == MODE_SOCKET ? "socket:[%lu]"
                                                          : "/#%lu (deleted)";
    snprintf(path, sizeof(path), format, (unsigned long)node->ino);
    return strdup(path);
}

/* The same of a descriptor. */
static char *descriptor_text(const struct file *file, const struct node *root) {
    static char text[64];
    if (file_made_path(file)) {
        return strdup(file_made_path(file));
    }
    const char *name = file->ops->name ? file->ops->name : file_served_name(file);
    if (name) {
        snprintf(text, sizeof(text), "anon_inode:%s", name);
        return strdup(text);
    }
    return node_path(file->node, root);
}

/* The link itself, which only says where it leads to those who may know. */
static int link_itself(const struct client *client, const char *path, const struct credentials *who,
                       uint32_t mode, const struct node *to, const struct file *file,
                       struct node **out) {
    struct node *node = node_made(MODE_SYMLINK | mode, client, path);
    if (!node) {
        return -ENOMEM;
    }
    if (may_look(who, client)) {
        node->target =
            file ? descriptor_text(file, access_root(who)) : node_path(to, access_root(who));
        node->size = node->target ? strlen(node->target) : 0;
    }
    *out = node;
    return 0;
}

static int descriptor_directory(const struct client *client, const char *path, struct node **out) {
    struct node *node = node_made(MODE_DIRECTORY | 0500, client, path);
    if (!node) {
        return -ENOMEM;
    }
    node->dir.parent = node_hold(tree_remote);
    node->dir.remote = true;
    node->dir.files_of = client_pid(client);
    char text[32];
    snprintf(text, sizeof(text), "%s/%d/fd", REMOTE_ROOT, client_pid(client));
    node->dir.remote_path = strdup(text);
    *out = node;
    return node->dir.remote_path ? 0 : -ENOMEM;
}

struct link {
    struct node *to;
    const struct file *file;
    uint32_t mode;
};

static int descriptor(const struct context *context, const char *text, struct link *link) {
    int fd = number_of(&text);
    const struct file *file = fd >= 0 && !*text ? fd_file(context, fd) : NULL;
    if (!file) {
        return -ENOENT;
    }
    link->file = file;
    link->to = file->node;
    link->mode = (file_reads(file) ? 0500u : 0) | (file_writes(file) ? 0300u : 0);
    return 0;
}

static int find(const struct context *context, const char *text, struct link *link) {
    link->mode = 0777;
    if (strcmp(text, "cwd") == 0) {
        link->to = context->cwd;
    } else if (strcmp(text, "root") == 0) {
        link->to = context->root ? context->root : tree_root;
    } else if (strcmp(text, "exe") == 0) {
        link->to = context->program ? context->program : context->starting;
    } else if (strncmp(text, "fd/", 3) == 0 && !strchr(text + 3, '/')) {
        return descriptor(context, text + 3, link);
    } else {
        return -EREMOTE;
    }
    return link->to ? 0 : -ENOENT;
}

int process_link(const char *path, const struct credentials *who, bool follow, struct node **out) {
    const char *text = path;
    const struct client *client = client_at(&text, who);
    struct link link = {0};
    if (!client) {
        return -EREMOTE;
    }
    if (strcmp(text, "fd") == 0) {
        return descriptor_directory(client, path, out);
    }
    int error = find(client->data, text, &link);
    if (error) {
        return error;
    }
    if (link.file && !may_look(who, client)) {
        return -EACCES; /* the directory is searched by nobody else */
    }
    if (!follow) {
        return link_itself(client, path, who, link.mode, link.to, link.file, out);
    }
    *out = link.to;
    return may_look(who, client) ? 0 : -EACCES;
}
