/* SPDX-License-Identifier: MIT */
/*
 * The shell's variables: a hash table by name. Exported ones make the environment of the commands.
 * Invariant: a name stands in the table at most once; value NULL means that it is not set, though
 * it may carry marks (export, readonly).
 */
#include "sh.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define BUCKETS 64

struct var {
    struct var *next;
    char *name, *value;
    bool exported, readonly;
};

static struct var *buckets[BUCKETS];

static struct var **bucket_of(const char *name) {
    unsigned int hash = 5381;

    while (*name)
        hash = hash * 33 + (unsigned char)*name++;
    return &buckets[hash % BUCKETS];
}

static struct var *find(const char *name) {
    struct var *var = *bucket_of(name);

    while (var && strcmp(var->name, name))
        var = var->next;
    return var;
}

static struct var *find_or_add(const char *name) {
    struct var *var = find(name);

    if (!var) {
        struct var **bucket = bucket_of(name);

        var = xmalloc(sizeof(*var));
        *var = (struct var){.next = *bucket, .name = xstrdup(name)};
        *bucket = var;
    }
    return var;
}

/* Take over the environment; names that are no shell names are left out. */
void vars_init(char **environment) {
    for (; environment && *environment; environment++) {
        const char *text = *environment;
        size_t len = 0;
        struct var *var;
        char *name;

        while (is_name_char((unsigned char)text[len]))
            len++;
        if (text[len] != '=' || !is_name_start((unsigned char)*text))
            continue;
        name = xstrdup(text);
        name[len] = '\0';
        var = find_or_add(name);
        free(name);
        free(var->value);
        var->value = xstrdup(text + len + 1);
        var->exported = true;
    }
    find_or_add("IFS")->exported = false;
    var_set("IFS", " \t\n");
}

const char *var_get(const char *name) {
    const struct var *var = find(name);

    return var ? var->value : NULL;
}

static bool refuse_readonly(const struct var *var) {
    if (!var || !var->readonly)
        return false;
    sh_fatal("%s: is read only", var->name);
    return true;
}

bool var_set(const char *name, const char *value) {
    struct var *var = find_or_add(name);
    char *copy;

    if (refuse_readonly(var))
        return false;
    copy = xstrdup(value);
    free(var->value);
    var->value = copy;
    return true;
}

bool var_unset(const char *name) {
    struct var *var = find(name);

    if (refuse_readonly(var))
        return false;
    if (var) {
        free(var->value);
        var->value = NULL;
        var->exported = false;
    }
    return true;
}

void var_export(const char *name) {
    find_or_add(name)->exported = true;
}

bool var_set_readonly(const char *name) {
    find_or_add(name)->readonly = true;
    return true;
}

static int compare_names(const void *a, const void *b) {
    return strcmp((*(struct var *const *)a)->name, (*(struct var *const *)b)->name);
}

static void print_quoted(const char *value) {
    putchar('\'');
    for (; *value; value++) {
        if (*value == '\'')
            fputs("'\\''", stdout);
        else
            putchar(*value);
    }
    putchar('\'');
}

/* All variables, or those with a mark, sorted, in a form that the shell can read again. */
void vars_print(const char *prefix, bool exported, bool readonly) {
    struct var **list;
    size_t count = 0, used = 0;

    for (size_t i = 0; i < BUCKETS; i++) {
        for (struct var *var = buckets[i]; var; var = var->next)
            count++;
    }
    list = xmalloc((count + 1) * sizeof(struct var *));
    for (size_t i = 0; i < BUCKETS; i++) {
        for (struct var *var = buckets[i]; var; var = var->next) {
            if ((!exported || var->exported) && (!readonly || var->readonly) &&
                (var->value || exported || readonly))
                list[used++] = var;
        }
    }
    qsort(list, used, sizeof(*list), compare_names);
    for (size_t i = 0; i < used; i++) {
        printf("%s%s", prefix, list[i]->name);
        if (list[i]->value) {
            putchar('=');
            print_quoted(list[i]->value);
        }
        putchar('\n');
    }
    free(list);
}

/* The environment for execve(2), in the temporary arena. */
char **vars_environment(void) {
    size_t count = 0, used = 0;
    char **environment;

    for (size_t i = 0; i < BUCKETS; i++) {
        for (struct var *var = buckets[i]; var; var = var->next)
            count += var->exported && var->value;
    }
    environment = arena_alloc(&sh.temp, (count + 1) * sizeof(*environment));
    for (size_t i = 0; i < BUCKETS; i++) {
        for (struct var *var = buckets[i]; var; var = var->next) {
            size_t size;

            if (!var->exported || !var->value)
                continue;
            size = strlen(var->name) + strlen(var->value) + 2;
            environment[used] = arena_alloc(&sh.temp, size);
            snprintf(environment[used++], size, "%s=%s", var->name, var->value);
        }
    }
    return environment;
}

/* Remember a variable as it is, to be put back by vars_restore(). */
void var_save(struct saved_var **list, const char *name) {
    const struct var *var = find(name);
    struct saved_var *saved = xmalloc(sizeof(*saved));

    saved->next = *list;
    saved->name = xstrdup(name);
    saved->value = var && var->value ? xstrdup(var->value) : NULL;
    saved->exported = var && var->exported;
    *list = saved;
}

void vars_restore(struct saved_var *list) {
    while (list) {
        struct saved_var *next = list->next;
        struct var *var = find_or_add(list->name);

        if (!var->readonly) {
            free(var->value);
            var->value = list->value;
            var->exported = list->exported;
        } else {
            free(list->value);
        }
        free(list->name);
        free(list);
        list = next;
    }
}
