/* SPDX-License-Identifier: MIT */
/*
 * ls [-aAlh1Rdi] [PATH...]: lists directories, sorted by name. Columns on a terminal, else a line
 * each.
 */
#include "names.h"
#include "tool.h"

#include <dirent.h>
#include <err.h>
#include <limits.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/stat.h>
#include <sys/sysmacros.h>
#include <time.h>
#include <unistd.h>

struct entry {
    char *name, *path;
    struct stat st;
};

static bool all, almost_all, long_format, human, one_column, recursive, directories, inodes;
static unsigned int screen_width;
static bool need_title, later;
static int status;

/* ---- One entry ---------------------------------------------------------------------------- */

static char type_letter(mode_t mode) {
    switch (mode & S_IFMT) {
    case S_IFDIR:
        return 'd';
    case S_IFLNK:
        return 'l';
    case S_IFCHR:
        return 'c';
    case S_IFBLK:
        return 'b';
    case S_IFIFO:
        return 'p';
    case S_IFSOCK:
        return 's';
    default:
        return '-';
    }
}

static void mode_text(mode_t mode, char text[11]) {
    static const char letters[] = "rwxrwxrwx";

    text[0] = type_letter(mode);
    for (int i = 0; i < 9; i++)
        text[i + 1] = mode & (0400u >> i) ? letters[i] : '-';
    if (mode & S_ISUID)
        text[3] = mode & S_IXUSR ? 's' : 'S';
    if (mode & S_ISGID)
        text[6] = mode & S_IXGRP ? 's' : 'S';
    if (mode & S_ISVTX)
        text[9] = mode & S_IXOTH ? 't' : 'T';
    text[10] = '\0';
}

static void size_text(const struct stat *st, char *text, size_t size) {
    static const char units[] = "KMGTP";
    double value = (double)st->st_size;
    int unit = -1;

    if (S_ISCHR(st->st_mode) || S_ISBLK(st->st_mode)) {
        snprintf(text, size, "%u, %u", major(st->st_rdev), minor(st->st_rdev));
    } else if (!human || st->st_size < 1024) {
        snprintf(text, size, "%lld", (long long)st->st_size);
    } else {
        while (value >= 1024 && unit < 4) {
            value /= 1024;
            unit++;
        }
        snprintf(text, size, value < 10 ? "%.1f%c" : "%.0f%c", value, units[unit]);
    }
}

/* POSIX: the year instead of the time for what is older than six months or in the future. */
static void time_text(time_t when, char *text, size_t size) {
    time_t now = time(NULL);
    bool recent = when <= now && now - when < 182 * 86400L;
    struct tm *broken = localtime(&when);

    if (!broken || !strftime(text, size, recent ? "%b %e %H:%M" : "%b %e  %Y", broken))
        snprintf(text, size, "%lld", (long long)when);
}

static void print_long(const struct entry *entry) {
    char mode[11], size[32], when[32], target[PATH_MAX];
    ssize_t len;

    mode_text(entry->st.st_mode, mode);
    size_text(&entry->st, size, sizeof(size));
    time_text(entry->st.st_mtime, when, sizeof(when));
    printf("%s %3lu %-8s ", mode, (unsigned long)entry->st.st_nlink, user_name(entry->st.st_uid));
    printf("%-8s %8s %s %s", group_name(entry->st.st_gid), size, when, entry->name);
    if (S_ISLNK(entry->st.st_mode)) {
        len = readlink(entry->path, target, sizeof(target));
        if (len >= 0)
            printf(" -> %.*s", (int)len, target);
    }
    putchar('\n');
}

/* ---- Many entries ------------------------------------------------------------------------- */

static int by_name(const void *a, const void *b) {
    return strcmp(((const struct entry *)a)->name, ((const struct entry *)b)->name);
}

static void print_inode(const struct entry *entry) {
    if (inodes)
        printf("%7lu ", (unsigned long)entry->st.st_ino);
}

static void print_columns(const struct entry *entries, size_t count) {
    size_t width = 0, columns, rows;

    for (size_t i = 0; i < count; i++) {
        if (strlen(entries[i].name) + 2 > width)
            width = strlen(entries[i].name) + 2;
    }
    columns = screen_width / (width + (inodes ? 8 : 0));
    if (columns < 1)
        columns = 1;
    rows = (count + columns - 1) / columns;
    for (size_t row = 0; row < rows; row++) {
        for (size_t i = row; i < count; i += rows) {
            print_inode(&entries[i]);
            if (i + rows < count)
                printf("%-*s", (int)width, entries[i].name);
            else
                puts(entries[i].name);
        }
    }
}

static void print_entries(struct entry *entries, size_t count) {
    qsort(entries, count, sizeof(*entries), by_name);
    if (screen_width && !long_format && !one_column && count > 0) {
        print_columns(entries, count);
        return;
    }
    for (size_t i = 0; i < count; i++) {
        print_inode(&entries[i]);
        if (long_format)
            print_long(&entries[i]);
        else
            puts(entries[i].name);
    }
}

static void free_entries(struct entry *entries, size_t count) {
    for (size_t i = 0; i < count; i++) {
        free(entries[i].name);
        free(entries[i].path);
    }
    free(entries);
}

static void add_entry(struct entry **entries, size_t *count, const char *name, char *path) {
    struct entry *entry;

    *entries = reallocarray(*entries, *count + 1, sizeof(**entries));
    entry = *entries ? *entries + *count : NULL;
    if (!entry || !(entry->name = strdup(name)))
        err(1, NULL);
    entry->path = path;
    if (lstat(path, &entry->st) < 0) {
        warn("%s", path);
        status = 1;
        free(entry->name);
        free(path);
        return;
    }
    ++*count;
}

static bool is_hidden(const char *name) {
    bool dots = !strcmp(name, ".") || !strcmp(name, "..");

    return *name == '.' && !all && (!almost_all || dots);
}

static void list_directory(const char *path) {
    struct entry *entries = NULL;
    struct dirent *item;
    size_t count = 0;
    DIR *directory = opendir(path);

    if (!directory) {
        warn("%s", path);
        status = 1;
        return;
    }
    if (need_title)
        printf("%s%s:\n", later ? "\n" : "", path);
    later = true;
    while ((item = readdir(directory))) {
        if (!is_hidden(item->d_name))
            add_entry(&entries, &count, item->d_name, join_path(path, item->d_name));
    }
    closedir(directory);
    if (count > 0)
        print_entries(entries, count);
    for (size_t i = 0; i < count && recursive; i++) {
        if (S_ISDIR(entries[i].st.st_mode) && strcmp(entries[i].name, ".") &&
            strcmp(entries[i].name, ".."))
            list_directory(entries[i].path);
    }
    free_entries(entries, count);
}

/* Files first, then directories, as POSIX says. */
static void list_arguments(char **names, int count) {
    struct entry *files = NULL;
    size_t file_count = 0;
    struct stat st;

    need_title = count > 1 || recursive;
    for (int i = 0; i < count; i++) {
        bool follow = !long_format && !directories;

        if ((follow ? stat : lstat)(names[i], &st) < 0 && lstat(names[i], &st) < 0) {
            warn("%s", names[i]);
            status = 1;
            names[i] = NULL;
        } else if (directories || !S_ISDIR(st.st_mode)) {
            char *path = strdup(names[i]);

            if (!path)
                err(1, NULL);
            add_entry(&files, &file_count, names[i], path);
            names[i] = NULL;
        }
    }
    if (file_count > 0) {
        print_entries(files, file_count);
        later = true;
    }
    free_entries(files, file_count);
    for (int i = 0; i < count; i++) {
        if (names[i])
            list_directory(names[i]);
    }
}

int main(int argc, char **argv) {
    static char *here[] = {"."};
    struct winsize size;
    int option;

    while ((option = getopt(argc, argv, "aAlh1RdiC")) != -1) {
        switch (option) {
        case 'a':
            all = true;
            break;
        case 'A':
            almost_all = true;
            break;
        case 'l':
            long_format = true;
            break;
        case 'h':
            human = true;
            break;
        case '1':
            one_column = true;
            break;
        case 'R':
            recursive = true;
            break;
        case 'd':
            directories = true;
            break;
        case 'i':
            inodes = true;
            break;
        case 'C':
            screen_width = 80;
            break;
        default:
            return 2;
        }
    }
    if (isatty(1))
        screen_width = ioctl(1, TIOCGWINSZ, &size) == 0 && size.ws_col ? size.ws_col : 80;
    if (optind < argc)
        list_arguments(argv + optind, argc - optind);
    else
        list_arguments(here, 1);
    return finish_output(status);
}
