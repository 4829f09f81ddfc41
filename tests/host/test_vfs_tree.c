/* SPDX-License-Identifier: MIT */
/*
 * The file tree: path resolution by examples, and random changes against a model that is a plain
 * list of paths, with the tree's own invariants checked as it goes.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <cmocka.h>

/* The host's malloc has one heap. */
void *own_calloc(size_t count, size_t size);
void *own_calloc(size_t count, size_t size) {
    return calloc(count, size);
}

#include <errno.h>

#include "path.h"

static const struct credentials root = {.uid = 0, .gid = 0};
static const struct credentials user = {.uid = 1000, .gid = 1000};

uint64_t vfs_now(void) {
    static uint64_t now;
    return ++now;
}

void node_release_data(struct node *node) {
    if (node_is_dir(node)) {
        free(node->dir.remote_path);
    }
}

/* What the walker takes for a process's working directory. */
static struct node *linked;

int process_link(const char *path, const struct credentials *who, bool follow, struct node **out) {
    (void)who;
    if (!linked || strcmp(path, "/proc/7/cwd") != 0) {
        return -EREMOTE;
    }
    *out = follow ? linked : NULL;
    return 0;
}

static struct node *make(const char *path, uint32_t mode) {
    struct walk walk;
    assert_int_equal(path_walk(path, tree_root, &root, WALK_PARENT | WALK_NOFOLLOW, &walk), 0);
    assert_null(walk.node);
    struct node *node = node_new(mode, 0, 0);
    assert_int_equal(dir_add(walk.dir, walk.last, walk.length, node), 0);
    return node;
}

static struct node *make_link(const char *path, const char *target) {
    struct node *node = make(path, MODE_SYMLINK | 0777);
    node->target = strdup(target);
    node->size = strlen(target);
    return node;
}

static int find(const char *path, const struct credentials *who, uint32_t flags,
                struct node **node) {
    struct walk walk;
    int error = path_walk(path, tree_root, who, flags, &walk);
    *node = walk.node;
    return error;
}

static void expect_node(const char *path, const struct node *wanted) {
    struct node *node;
    assert_int_equal(find(path, &root, 0, &node), 0);
    assert_ptr_equal(node, wanted);
}

static void expect_error(const char *path, int error) {
    struct node *node;
    assert_int_equal(find(path, &root, 0, &node), error);
}

/* Removes all names below a directory. */
static void clear(struct node *dir) {
    struct name *name;
    while ((name = dir_at(dir, 0)) != NULL) {
        if (node_is_dir(name->node)) {
            clear(name->node);
        }
        dir_remove(name);
    }
}

static int setup(void **state) {
    (void)state;
    return tree_root ? 0 : tree_init(1);
}

static int teardown(void **state) {
    (void)state;
    clear(tree_root);
    assert_int_equal(tree_node_count(), 1);
    return 0;
}

static void plain_paths(void **state) {
    (void)state;
    struct node *a = make("/a", MODE_DIRECTORY | 0755);
    struct node *b = make("/a/b", MODE_DIRECTORY | 0755);
    struct node *f = make("/a/b/f", MODE_REGULAR | 0644);
    expect_node("/", tree_root);
    expect_node("a", a);
    expect_node("/a/b/", b);
    expect_node("//a///b//f", f);
    expect_node("/a/./b/../b/f", f);
    expect_node("/../../a", a);
    expect_node("a/b/..", a);
    expect_error("", -ENOENT);
    expect_error("/x", -ENOENT);
    expect_error("/x/y", -ENOENT);
    expect_error("/a/b/f/", -ENOTDIR);
    expect_error("/a/b/f/g", -ENOTDIR);
    expect_error("/a/b/f/..", -ENOTDIR);
}

static void names_too_long(void **state) {
    static char path[PATH_LONGEST + 10];
    (void)state;
    memset(path, 'x', sizeof(path));
    path[NAME_LONGEST] = '\0';
    expect_error(path, -ENOENT);
    path[NAME_LONGEST] = 'x';
    path[NAME_LONGEST + 1] = '\0';
    expect_error(path, -ENAMETOOLONG);
}

static void symbolic_links(void **state) {
    struct node *node;
    (void)state;
    struct node *a = make("/a", MODE_DIRECTORY | 0755);
    struct node *f = make("/a/f", MODE_REGULAR | 0644);
    struct node *to_f = make_link("/l", "a/f");
    make_link("/d", "/a");
    make_link("/a/up", "..");
    make_link("/loop", "loop");
    make_link("/ring1", "ring2");
    make_link("/ring2", "ring1");
    make_link("/broken", "nowhere");
    expect_node("/l", f);
    expect_node("/d/f", f);
    expect_node("/d", a);
    expect_node("/a/up/a/up/l", f);
    expect_node("/d/", a);
    expect_error("/loop", -ELOOP);
    expect_error("/ring1/x", -ELOOP);
    expect_error("/broken", -ENOENT);
    expect_error("/l/", -ENOTDIR);
    assert_int_equal(find("/l", &root, WALK_NOFOLLOW, &node), 0);
    assert_ptr_equal(node, to_f);
    assert_int_equal(find("/d/", &root, WALK_NOFOLLOW, &node), 0);
    assert_ptr_equal(node, a);
}

static void creation_through_a_dangling_link(void **state) {
    struct walk walk;
    (void)state;
    make("/a", MODE_DIRECTORY | 0755);
    make_link("/l", "a/new");
    assert_int_equal(path_walk("/l", tree_root, &root, WALK_PARENT, &walk), 0);
    assert_null(walk.node);
    assert_int_equal(walk.length, 3);
    assert_memory_equal(walk.last, "new", 3);
}

/* Absolute paths, links and ".." do not leave another root; what is outside is unreachable. */
static void another_root(void **state) {
    char buffer[64];
    (void)state;
    make("/a", MODE_DIRECTORY | 0755);
    struct node *b = make("/a/b", MODE_DIRECTORY | 0755);
    struct node *f = make("/a/f", MODE_REGULAR | 0644);
    struct node *root_f = make("/f", MODE_REGULAR | 0644);
    make_link("/a/b/l", "/f");
    make_link("/a/b/up", "../../f");
    struct node *a = NULL, *node = NULL;
    assert_int_equal(find("/a", &root, 0, &a), 0);
    struct credentials inside = {.uid = 0, .root = a};
    const char *paths[] = {"/f", "/../f", "/b/l", "/b/up", "/b/../../../f", "//f"};
    for (size_t i = 0; i < sizeof(paths) / sizeof(paths[0]); i++) {
        assert_int_equal(find(paths[i], &inside, 0, &node), 0);
        assert_ptr_equal(node, f);
    }
    expect_node("/a/b/l", root_f);
    assert_int_equal(path_of(b, a, buffer, sizeof(buffer)), 3);
    assert_string_equal(buffer, "/b");
    assert_int_equal(path_of(a, a, buffer, sizeof(buffer)), 2);
    assert_string_equal(buffer, "/");
    assert_true(path_of(a, b, buffer, sizeof(buffer)) > 0);
    assert_string_equal(buffer, "(unreachable)/a");
    assert_int_equal(path_of(a, b, buffer, 10), -ERANGE);
}

static void search_permission(void **state) {
    struct node *node;
    (void)state;
    make("/a", MODE_DIRECTORY | 0700);
    make("/a/f", MODE_REGULAR | 0644);
    assert_int_equal(find("/a", &user, 0, &node), 0);
    assert_int_equal(find("/a/f", &user, 0, &node), -EACCES);
    assert_int_equal(find("/a/f", &root, 0, &node), 0);
}

static void permission_bits(void **state) {
    (void)state;
    struct node *f = make("/f", MODE_REGULAR | 0640);
    assert_int_equal(access_check(f, &user, MAY_READ), -EACCES);
    f->gid = user.gid;
    assert_int_equal(access_check(f, &user, MAY_READ), 0);
    assert_int_equal(access_check(f, &user, MAY_WRITE), -EACCES);
    f->uid = user.uid;
    assert_int_equal(access_check(f, &user, MAY_READ | MAY_WRITE), 0);
    assert_int_equal(access_check(f, &root, MAY_EXECUTE), -EACCES);
    assert_int_equal(access_check(f, &root, MAY_READ | MAY_WRITE), 0);
}

static void sticky_directories(void **state) {
    (void)state;
    struct node *tmp = make("/tmp", MODE_DIRECTORY | MODE_STICKY | 0777);
    struct node *f = make("/tmp/f", MODE_REGULAR | 0666);
    assert_int_equal(access_remove(tmp, f, &user), -EPERM);
    f->uid = user.uid;
    assert_int_equal(access_remove(tmp, f, &user), 0);
}

static void expect_remote(const char *path, const char *canonical) {
    struct walk walk;
    assert_int_equal(path_walk(path, tree_root, &root, 0, &walk), -EREMOTE);
    assert_string_equal(walk.remote, canonical);
}

static void remote_directories(void **state) {
    (void)state;
    struct node *a = make("/a", MODE_DIRECTORY | 0755);
    make("/proc", MODE_DIRECTORY | 0555)->dir.remote = true;
    make_link("/a/fd", "/proc/self/fd");
    expect_remote("/proc", "/proc");
    expect_remote("/proc/", "/proc");
    expect_remote("/proc/1/", "/proc/1/");
    expect_remote("/proc/1/2/..", "/proc/1/");
    expect_remote("/proc/1/./stat", "/proc/1/stat");
    expect_remote("/proc/1/../2//x/", "/proc/2/x/");
    expect_remote("/a/fd/3", "/proc/self/fd/3");
    expect_remote("/a/../proc/.", "/proc/");
    expect_node("/proc/../a", a);
    expect_node("/proc/1/../../a", a);
}

/* Links there that lead to our nodes. */
static void remote_links(void **state) {
    struct walk walk;
    (void)state;
    struct node *a = make("/a", MODE_DIRECTORY | 0755);
    struct node *b = make("/a/b", MODE_REGULAR | 0644);
    make("/proc", MODE_DIRECTORY | 0555)->dir.remote = true;
    make_link("/a/here", "/proc/7/cwd");
    linked = a;
    expect_node("/proc/7/cwd", a);
    expect_node("/proc/7/cwd/", a);
    expect_node("/proc/7/cwd/b", b);
    expect_node("/proc/7/../7/cwd/./b", b);
    expect_node("/a/here/here/b", b);
    expect_node("/proc/7/cwd/../a", a);
    expect_remote("/proc/7", "/proc/7");
    expect_remote("/proc/7/cwd2", "/proc/7/cwd2");
    assert_int_equal(path_walk("/proc/7/cwd", tree_root, &root, WALK_NOFOLLOW, &walk), 0);
    assert_null(walk.node);
    assert_int_equal(path_walk("/proc/7/cwd/none", tree_root, &root, 0, &walk), -ENOENT);
    linked = b;
    assert_int_equal(path_walk("/proc/7/cwd/", tree_root, &root, 0, &walk), -ENOTDIR);
    assert_int_equal(path_walk("/proc/7/cwd/b", tree_root, &root, 0, &walk), -ENOTDIR);
    linked = make_link("/loop", "/proc/7/cwd/x");
    assert_int_equal(path_walk("/proc/7/cwd/x", tree_root, &root, 0, &walk), -ENOTDIR);
    linked = NULL;
}

/* A name that is gone is remembered while somebody has the file open. */
static void removed_names(void **state) {
    (void)state;
    make("/a", MODE_DIRECTORY | 0755);
    struct node *b = node_hold(make("/a/b", MODE_REGULAR | 0644));
    assert_non_null(b->own);
    assert_int_equal(dir_move(b->own, tree_root, "c", 1), 0);
    assert_string_equal(b->own->text, "c");
    dir_remove(b->own);
    assert_null(b->own);
    assert_string_equal(b->removed, "/c (deleted)");
    node_put(b);
}

/* fstat(2) on an open remote directory is answered here. */
static void empty_paths_are_the_start_itself(void **state) {
    struct walk walk;
    (void)state;
    struct node *proc = make("/proc", MODE_DIRECTORY | 0555);
    proc->dir.remote = true;
    assert_int_equal(path_walk("", proc, &root, WALK_EMPTY, &walk), 0);
    assert_ptr_equal(walk.node, proc);
    assert_int_equal(path_walk("", proc, &root, 0, &walk), -ENOENT);
}

static void expect_path(const struct node *dir, const char *path) {
    char buffer[PATH_LONGEST];
    assert_int_equal(path_of(dir, tree_root, buffer, sizeof(buffer)), strlen(path) + 1);
    assert_string_equal(buffer, path);
    assert_int_equal(path_of(dir, tree_root, buffer, strlen(path)), -ERANGE);
}

static void paths_of_directories(void **state) {
    char buffer[16];
    (void)state;
    make("/a", MODE_DIRECTORY | 0755);
    struct node *b = make("/a/b", MODE_DIRECTORY | 0755);
    expect_path(tree_root, "/");
    expect_path(b, "/a/b");
    node_hold(b);
    dir_remove(dir_find(b->dir.parent, "b", 1));
    assert_int_equal(path_of(b, tree_root, buffer, sizeof(buffer)), -ENOENT);
    expect_error("/a/b", -ENOENT);
    node_put(b);
}

static void removed_files_live_while_referenced(void **state) {
    (void)state;
    uint64_t before = tree_node_count();
    struct node *f = node_hold(make("/f", MODE_REGULAR | 0644));
    dir_remove(dir_find(tree_root, "f", 1));
    assert_int_equal(f->nlink, 0);
    assert_int_equal(tree_node_count(), before + 1);
    node_put(f);
    assert_int_equal(tree_node_count(), before);
}

static void exchange_of_names(void **state) {
    (void)state;
    struct node *a = make("/a", MODE_DIRECTORY | 0755);
    struct node *b = make("/a/b", MODE_DIRECTORY | 0755);
    struct node *c = make("/a/b/c", MODE_DIRECTORY | 0755);
    struct node *f = make("/f", MODE_REGULAR | 0644);
    dir_exchange(dir_find(a, "b", 1), dir_find(tree_root, "f", 1));
    expect_node("/f", b);
    expect_node("/f/c", c);
    expect_node("/a/b", f);
    expect_node("/f/..", tree_root);
    assert_int_equal(a->nlink, 2);
    assert_int_equal(b->nlink, 3);
}

/* The model: paths and types of all that should be there. */
struct model {
    char path[32];
    bool directory;
};

#define MODEL_MOST 512
static struct model model[MODEL_MOST];
static size_t model_count;

static struct model *model_find(const char *path) {
    for (size_t i = 0; i < model_count; i++) {
        if (strcmp(model[i].path, path) == 0) {
            return &model[i];
        }
    }
    return NULL;
}

static bool is_below(const char *path, const char *ancestor) {
    size_t length = strlen(ancestor);
    return strncmp(path, ancestor, length) == 0 && path[length] == '/';
}

static bool model_has_children(const char *path) {
    for (size_t i = 0; i < model_count; i++) {
        if (is_below(model[i].path, path)) {
            return true;
        }
    }
    return false;
}

static void model_rename(const char *from, const char *to) {
    struct model *replaced = model_find(to);
    if (replaced) {
        *replaced = model[--model_count];
    }
    for (size_t i = 0; i < model_count; i++) {
        char rest[32] = "";
        if (strcmp(model[i].path, from) != 0 && !is_below(model[i].path, from)) {
            continue;
        }
        memcpy(rest, model[i].path + strlen(from), strlen(model[i].path + strlen(from)) + 1);
        snprintf(model[i].path, sizeof(model[i].path), "%.12s%.18s", to, rest);
    }
}

static void random_path(char *path) {
    int depth = 1 + (int)(random() % 3);
    *path = '\0';
    for (int i = 0; i < depth; i++) {
        size_t length = strlen(path);
        path[length] = '/';
        path[length + 1] = (char)('a' + random() % 4);
        path[length + 2] = '\0';
    }
}

/* A walk with its result checked against the model. */
static bool checked_walk(const char *path, struct walk *walk) {
    int error = path_walk(path, tree_root, &root, WALK_PARENT | WALK_NOFOLLOW, walk);
    const struct model *entry = model_find(path);
    if (entry) {
        assert_int_equal(error, 0);
        assert_non_null(walk->node);
        assert_int_equal(node_is_dir(walk->node), entry->directory);
    } else if (error == 0) {
        assert_null(walk->node);
    }
    return error == 0;
}

static void random_make(const char *path) {
    struct walk walk;
    if (checked_walk(path, &walk) && !walk.node && model_count < MODEL_MOST) {
        bool directory = random() % 2;
        uint32_t mode = directory ? MODE_DIRECTORY | 0755 : MODE_REGULAR | 0644;
        assert_int_equal(dir_add(walk.dir, walk.last, walk.length, node_new(mode, 0, 0)), 0);
        model[model_count].directory = directory;
        strcpy(model[model_count++].path, path);
    }
}

static void random_remove(const char *path) {
    struct walk walk;
    if (checked_walk(path, &walk) && walk.node) {
        bool children = node_is_dir(walk.node) && !dir_is_empty(walk.node);
        assert_int_equal(children, model_has_children(path));
        if (!children) {
            dir_remove(dir_find(walk.dir, walk.last, walk.length));
            struct model *entry = model_find(path);
            *entry = model[--model_count];
        }
    }
}

static void random_rename(const char *from, const char *to) {
    struct walk walk;
    struct walk target;
    /* Nothing moves deeper with what is below it, so that paths stay as short as random ones. */
    if (strcmp(from, to) == 0 || is_below(to, from) || is_below(from, to) ||
        (model_has_children(from) && strlen(to) > strlen(from)) || !checked_walk(from, &walk) ||
        !walk.node) {
        return;
    }
    struct name *name = dir_find(walk.dir, walk.last, walk.length);
    if (checked_walk(to, &target) && (!target.node || !model_has_children(to))) {
        assert_int_equal(dir_move(name, target.dir, target.last, target.length), 0);
        model_rename(from, to);
    }
}

/* Counts nodes and checks link counts, parents and order below a directory. */
static size_t check_tree(const struct node *dir) {
    size_t count = 1;
    uint32_t directories = 0;
    uint64_t cookie = 0;
    for (const struct name *name = dir_at(dir, 0); name; name = dir_at(dir, cookie + 1)) {
        assert_ptr_equal(name->dir, dir);
        assert_true(name->place.key > cookie);
        cookie = name->place.key;
        if (node_is_dir(name->node)) {
            assert_ptr_equal(name->node->dir.parent, dir);
            directories++;
            count += check_tree(name->node);
        } else {
            assert_int_equal(name->node->nlink, 1);
            count++;
        }
    }
    assert_int_equal(dir->nlink, 2 + directories);
    return count;
}

static void random_changes_match_a_model(void **state) {
    char path[32];
    char other[32];
    (void)state;
    srandom(1);
    model_count = 0;
    for (int i = 0; i < 200000; i++) {
        random_path(path);
        random_path(other);
        long dice = random() % 10;
        if (dice < 5) {
            random_make(path);
        } else if (dice < 8) {
            random_remove(path);
        } else {
            random_rename(path, other);
        }
        if (i % 1000 == 0) {
            assert_int_equal(check_tree(tree_root), model_count + 1);
            assert_int_equal(tree_node_count(), model_count + 1);
        }
    }
}

/* Paths of random bytes over a small alphabet, links included, for the sanitizers. */
static void random_paths_do_no_harm(void **state) {
    static const char alphabet[] = "ab/./..lp";
    char path[64];
    struct walk walk;
    (void)state;
    make("/a", MODE_DIRECTORY | 0755);
    make("/a/b", MODE_DIRECTORY | 0755);
    make_link("/a/l", "../a/b/..");
    make_link("/l", "a//l/./");
    make("/p", MODE_DIRECTORY | 0555)->dir.remote = true;
    make_link("/b", "p/a");
    srandom(3);
    for (int i = 0; i < 300000; i++) {
        size_t length = (size_t)random() % (sizeof(path) - 1);
        for (size_t j = 0; j < length; j++) {
            path[j] = alphabet[(size_t)random() % (sizeof(alphabet) - 1)];
        }
        path[length] = '\0';
        int error = path_walk(path, tree_root, &root, (uint32_t)random() & 7, &walk);
        if (error == -EREMOTE) {
            assert_memory_equal(walk.remote, "/p", 2);
        } else if (error == 0) {
            assert_true(walk.node || walk.dir);
        }
    }
}

int main(void) {
#define TEST(function) cmocka_unit_test_setup_teardown(function, setup, teardown)
    const struct CMUnitTest tests[] = {
        TEST(plain_paths),
        TEST(names_too_long),
        TEST(symbolic_links),
        TEST(creation_through_a_dangling_link),
        TEST(another_root),
        TEST(search_permission),
        TEST(permission_bits),
        TEST(sticky_directories),
        TEST(remote_directories),
        TEST(remote_links),
        TEST(removed_names),
        TEST(empty_paths_are_the_start_itself),
        TEST(paths_of_directories),
        TEST(removed_files_live_while_referenced),
        TEST(exchange_of_names),
        TEST(random_changes_match_a_model),
        TEST(random_paths_do_no_harm),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
