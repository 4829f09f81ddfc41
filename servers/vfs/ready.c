/* SPDX-License-Identifier: MIT */
/* Sets and their ready lists (ready.h). */
#include "ready.h"

void ready_init(struct ready_set *set, uint32_t (*look)(struct ready_item *item)) {
    set->items.root = NULL;
    list_init(&set->ready);
    set->look = look;
}

struct ready_item *ready_find(const struct ready_set *set, uint64_t key) {
    struct tree_node *node = tree_at_or_below(&set->items, key);
    return node && node->key == key ? container_of(node, struct ready_item, place) : NULL;
}

void ready_add(struct ready_set *set, struct ready_item *item, uint64_t key) {
    item->place.key = key;
    list_init(&item->link);
    tree_insert(&set->items, &item->place);
}

void ready_remove(struct ready_set *set, struct ready_item *item) {
    list_remove(&item->link);
    tree_remove(&set->items, &item->place);
}

struct ready_item *ready_any(const struct ready_set *set) {
    struct tree_node *node = set->items.root;
    return node ? container_of(node, struct ready_item, place) : NULL;
}

/* What it asks for and holds. */
static uint32_t events_of(struct ready_set *set, struct ready_item *item) {
    uint32_t asked = item->events & ~READY_HOW;
    return asked ? set->look(item) & asked : 0;
}

bool ready_changed(struct ready_set *set, struct ready_item *item, uint32_t what) {
    if (!(what & item->events & ~READY_HOW) || !events_of(set, item)) {
        return false;
    }
    if (list_empty(&item->link)) {
        list_add_tail(&set->ready, &item->link);
    }
    return true;
}

size_t ready_look(struct ready_set *set, struct ready_event *events, size_t most, size_t looks,
                  bool *more) {
    size_t found = 0;
    struct list *at = set->ready.next;
    while (at != &set->ready && found < most && looks > 0) {
        struct ready_item *item = container_of(at, struct ready_item, link);
        uint32_t holds = events_of(set, item);
        at = at->next;
        looks--;
        if (holds) {
            events[found++] = (struct ready_event){item, holds};
        } else {
            list_remove(&item->link);
        }
    }
    *more = at != &set->ready;
    return found;
}

void ready_take(struct ready_set *set, const struct ready_event *events, size_t count) {
    for (size_t i = 0; i < count; i++) {
        struct ready_item *item = events[i].item;
        list_remove(&item->link);
        if (item->events & READY_ONE_SHOT) {
            item->events &= READY_HOW;
        } else if (!(item->events & READY_EDGE)) {
            list_add_tail(&set->ready, &item->link);
        }
    }
}
