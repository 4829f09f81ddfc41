/* SPDX-License-Identifier: MIT */
/* AVL trees against a sorted array. */
#include "support.h"
#include <common/tree.h>
#include <stdio.h>

#define NODES 500

static struct tree_node nodes[NODES];
static struct tree_node *sorted[NODES]; /* by key, equals by address */
static unsigned count;
static int present[NODES];

static int check(const struct tree_node *n, uint64_t low, uint64_t high) {
    if (!n)
        return 0;
    assert_true(n->key >= low && n->key <= high);
    int l = check(n->left, low, n->key), r = check(n->right, n->key, high);
    assert_true(l - r <= 1 && r - l <= 1);
    int height = (l > r ? l : r) + 1;
    assert_int_equal(n->height, height);
    return height;
}

static unsigned in_order(const struct tree_node *n, unsigned at) {
    if (!n)
        return at;
    at = in_order(n->left, at);
    assert_ptr_equal(sorted[at], n);
    return in_order(n->right, at + 1);
}

static void model_insert(struct tree_node *n) {
    unsigned at = count++;
    for (; at > 0 &&
           (sorted[at - 1]->key > n->key || (sorted[at - 1]->key == n->key && sorted[at - 1] > n));
         at--)
        sorted[at] = sorted[at - 1];
    sorted[at] = n;
}

static void model_remove(const struct tree_node *n) {
    unsigned at = 0;
    while (sorted[at] != n)
        at++;
    memmove(&sorted[at], &sorted[at + 1], (--count - at) * sizeof sorted[0]);
}

static void check_searches(const struct tree *tree, uint64_t key) {
    struct tree_node *below = NULL, *above = NULL;
    for (unsigned i = 0; i < count; i++) {
        if (sorted[i]->key <= key)
            below = sorted[i];
        if (!above && sorted[i]->key >= key)
            above = sorted[i];
    }
    assert_ptr_equal(tree_at_or_below(tree, key), below);
    assert_ptr_equal(tree_at_or_above(tree, key), above);
    assert_ptr_equal(tree_first(tree), count ? sorted[0] : NULL);
}

static void random_operations(uint64_t keys) {
    struct tree tree = {NULL};
    memset(present, 0, sizeof present);
    count = 0;
    for (unsigned step = 0; step < 20000; step++) {
        unsigned i = (unsigned)(random_number() % NODES);
        /* Phases of growing and of shrinking. */
        int insert = random_number() % 8 < (step / 2000 % 2 ? 2u : 6u);
        if (insert && !present[i]) {
            nodes[i].key = random_number() % keys;
            tree_insert(&tree, &nodes[i]);
            model_insert(&nodes[i]);
            present[i] = 1;
        } else if (!insert && present[i]) {
            tree_remove(&tree, &nodes[i]);
            model_remove(&nodes[i]);
            present[i] = 0;
        }
        check_searches(&tree, random_number() % (keys + 2));
        if (step % 16 == 0) {
            check(tree.root, 0, UINT64_MAX);
            assert_int_equal(in_order(tree.root, 0), count);
        }
    }
    for (unsigned i = 0; i < count; i++)
        assert_ptr_equal(tree_take_first(&tree), sorted[i]);
    assert_null(tree_take_first(&tree));
}

static void distinct_keys(void **state) {
    (void)state;
    random_operations(1ull << 50);
}

static void some_equal_keys(void **state) {
    (void)state;
    random_operations(100);
}

static void few_keys(void **state) {
    (void)state;
    random_operations(3);
    random_operations(1);
}

static void ascending_and_descending(void **state) {
    (void)state;
    for (int down = 0; down < 2; down++) {
        struct tree tree = {NULL};
        count = 0;
        for (unsigned i = 0; i < NODES; i++) {
            nodes[i].key = down ? UINT64_MAX - i : i;
            tree_insert(&tree, &nodes[i]);
            model_insert(&nodes[i]);
        }
        check(tree.root, 0, UINT64_MAX);
        assert_true(tree.root->height <= 10);
        while (count) {
            struct tree_node *first = tree_first(&tree);
            tree_remove(&tree, first);
            model_remove(first);
            check(tree.root, 0, UINT64_MAX);
        }
        assert_null(tree.root);
    }
}

/* Each node knows how many are in its subtree, and the sum of their keys. */
struct counted {
    struct tree_node node;
    uint64_t size, sum;
};

static void count_subtree(struct tree_node *n) {
    struct counted *c = (struct counted *)n;
    const struct counted *l = (struct counted *)n->left, *r = (struct counted *)n->right;
    c->size = 1 + (l ? l->size : 0) + (r ? r->size : 0);
    c->sum = n->key + (l ? l->sum : 0) + (r ? r->sum : 0);
}

static void check_counted(struct tree_node *n) {
    if (!n)
        return;
    check_counted(n->left);
    check_counted(n->right);
    struct counted before = *(struct counted *)n;
    count_subtree(n);
    assert_memory_equal(&before, n, sizeof before);
}

static void augmented(void **state) {
    static struct counted all[NODES];
    struct tree tree = {NULL};
    uint64_t size = 0, sum = 0;
    (void)state;
    memset(present, 0, sizeof present);
    for (unsigned step = 0; step < 10000; step++) {
        unsigned i = (unsigned)(random_number() % NODES);
        if (present[i]) {
            tree_remove_augmented(&tree, &all[i].node, count_subtree);
            sum -= all[i].node.key;
            size--;
        } else {
            all[i].node.key = random_number() % 1000;
            tree_insert_augmented(&tree, &all[i].node, count_subtree);
            sum += all[i].node.key;
            size++;
        }
        present[i] = !present[i];
        assert_int_equal(tree.root ? ((struct counted *)tree.root)->size : 0, size);
        assert_int_equal(tree.root ? ((struct counted *)tree.root)->sum : 0, sum);
        if (step % 16 == 0) {
            check(tree.root, 0, UINT64_MAX);
            check_counted(tree.root);
        }
    }
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(distinct_keys), cmocka_unit_test(some_equal_keys),
        cmocka_unit_test(few_keys),      cmocka_unit_test(ascending_and_descending),
        cmocka_unit_test(augmented),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
