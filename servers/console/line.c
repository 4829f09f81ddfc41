/* SPDX-License-Identifier: MIT */
/* Terminals: the serial line and pseudo-terminals, by number and by session (console.h). */
#include "console.h"
#include "master.h"

#include <string.h>

struct line console_line;

static struct hash by_number;
static struct hash by_session;
static struct list pseudo = LIST_INIT(pseudo);
static struct list woken = LIST_INIT(woken);
static struct list signalling = LIST_INIT(signalling);

/* No pseudo-terminal's number below is free. */
static uint32_t lowest_free = 1;
/* More than any life that a pseudo-terminal has had: so what was opened of one is never taken for another's. */
static uint32_t lives;

static void line_init(struct line *line, enum tty_start start, uint32_t number) {
    tty_init(&line->tty, start);
    list_init(&line->pseudo);
    list_init(&line->woken);
    list_init(&line->signalling);
    hash_insert(&by_number, &line->number, number);
}

#define LIVES_EACH (1u << 24) /* of one of this server's lives */

void lines_init(enum tty_start start) {
    lives = (uint32_t)boot_info->restarts * LIVES_EACH;
    line_init(&console_line, start, 0);
}

struct line *line_by_number(uint32_t number) {
    struct hash_node *node = hash_find(&by_number, number);
    return node ? container_of(node, struct line, number) : NULL;
}

struct line *line_of(uint64_t opened) {
    return line_by_number((uint32_t)(opened >> CONSOLE_LIFE_BITS));
}

struct line *line_of_master(uint64_t opened) {
    struct line *line = line_of(opened);
    return line && line_is_pseudo(line) && !line->abandoned && line->master == opened ? line : NULL;
}

static struct line *any_of_session(int session) {
    struct hash_node *node = session ? hash_find(&by_session, (uint64_t)session) : NULL;
    return node ? container_of(node, struct line, session) : NULL;
}

struct line *line_of_session(int session) {
    struct line *line = any_of_session(session);
    return line && !line->abandoned ? line : NULL;
}

/* A page fault here could fail, and would be this server's end: so all of the memory is there first. */
static struct line *map_memory(uint64_t memory, long *error) {
    *error = pk_map(0, 0, CONSOLE_MEMORY, PK_PROT_READ | PK_PROT_WRITE | PK_MAP_SHARED, memory, 0,
                    memory);
    if (*error < 0) {
        return NULL;
    }
    struct line *line = (struct line *)(uintptr_t)*error;
    *error = pk_populate(0, (uintptr_t)line, CONSOLE_MEMORY);
    if (*error < 0) {
        must(pk_unmap(0, (uintptr_t)line, CONSOLE_MEMORY));
        return NULL;
    }
    return line;
}

/* Whoever made the memory may not make it smaller under this server's hands. */
static bool is_sound(uint64_t memory) {
    struct pk_object_info info;
    return pk_object_info(memory, &info) == 0 && info.size == CONSOLE_MEMORY;
}

struct line *line_create(uint64_t memory, long *error) {
    *error = -EINVAL;
    struct line *line = is_sound(memory) ? map_memory(memory, error) : NULL;
    if (!line) {
        return NULL;
    }
    memset(line, 0, sizeof(*line));
    while (line_by_number(lowest_free)) {
        lowest_free++;
    }
    line->memory = memory;
    line->locked = true;
    line_init(line, TTY_PSEUDO, lowest_free++);
    line->tty.opened = lives;
    line->master = line_opened(line);
    list_add_tail(&pseudo, &line->pseudo);
    return line;
}

struct line *line_any_pseudo(void) {
    return list_empty(&pseudo) ? NULL : container_of(pseudo.next, struct line, pseudo);
}

static void line_free(struct line *line) {
    uint32_t number = line_number(line);
    lowest_free = number < lowest_free ? number : lowest_free;
    lives = line->tty.opened >= lives ? line->tty.opened + 1 : lives;
    hash_remove(&by_number, &line->number);
    list_remove(&line->woken);
    list_remove(&line->signalling);
    uint64_t memory = line->memory;
    must(pk_unmap(0, (uintptr_t)line, CONSOLE_MEMORY));
    must(pk_cap_drop(0, memory));
}

void line_check(struct line *line) {
    if (line->abandoned && line->tty.session == 0 && !line->leaderless) {
        line_free(line);
    }
}

/* What is open of the slave is dead. */
static void hang_up(struct line *line) {
    tty_hang_up(&line->tty);
    line->slaves = 0;
}

void line_abandon(struct line *line) {
    hang_up(line);
    list_remove(&line->pseudo);
    line->abandoned = true;
    line->leaderless = line->tty.session != 0;
    line_changed(line);
    line_check(line);
}

static void forget_session(struct line *line) {
    if (line->tty.session) {
        hash_remove(&by_session, &line->session);
    }
}

long line_acquire(struct line *line, int group, int session, bool steal) {
    struct line *other = any_of_session(session);
    if (other == line && session) {
        return tty_acquire(&line->tty, group, session, steal);
    }
    if (other && !other->abandoned) {
        return -EPERM;
    }
    if (line->tty.session && !steal) {
        return -EPERM;
    }
    if (other) {
        line_release(session, false);
    }
    forget_session(line);
    long error = tty_acquire(&line->tty, group, session, steal);
    if (session) {
        hash_insert(&by_session, &line->session, (uint64_t)session);
    }
    return error;
}

long line_release(int session, bool hangs_up) {
    struct line *line = any_of_session(session);
    if (!line) {
        return -ENOTTY;
    }
    forget_session(line);
    long group = tty_release(&line->tty, session);
    line->leaderless = false;
    if (hangs_up && !line->abandoned) {
        hang_up(line);
    }
    line_changed(line);
    line_wake(line);
    line_check(line);
    return group;
}

void line_resume(uint32_t life, int session) {
    console_line.tty.opened = life;
    /* Which group was in the foreground is lost: the leader's takes it. */
    line_acquire(&console_line, session, session, true);
}

void line_wake(struct line *line) {
    line->want_input = line->want_room = line->want_drained = false;
    line->want_output = line->want_space = line->want_status = false;
    if (list_empty(&line->woken)) {
        list_add_tail(&woken, &line->woken);
        console_tell_vfs();
    }
}

/* Something that somebody wants has become possible. */
static bool is_ready(const struct line *line) {
    const struct tty *tty = &line->tty;
    bool output = (tty_output_pending(tty) && !tty->stopped) || line_is_closed(line);
    return (line->want_input && tty->canon != tty->read) || /* perhaps enough */
           (line->want_room && line_can_write(line)) ||
           (line->want_drained && line_unsent(line) == 0) || (line->want_output && output) ||
           (line->want_space && tty_takes_input(tty)) ||
           ((line->want_output || line->want_status) && line->status);
}

void line_notice(struct line *line) {
    if (line_is_pseudo(line)) {
        master_note(line);
    }
    if (is_ready(line)) {
        line_wake(line);
    }
    if ((line->tty.signals || line->leaderless) && list_empty(&line->signalling)) {
        list_add_tail(&signalling, &line->signalling);
        console_tell_proc();
    }
}

void line_changed(struct line *line) {
    if (line_is_pseudo(line)) {
        line_notice(line);
    } else {
        console_pump();
    }
}

struct line *line_take_woken(void) {
    if (list_empty(&woken)) {
        return NULL;
    }
    struct line *line = container_of(woken.next, struct line, woken);
    list_remove(&line->woken);
    return line;
}

struct line *line_take_signalling(void) {
    if (list_empty(&signalling)) {
        return NULL;
    }
    struct line *line = container_of(signalling.next, struct line, signalling);
    list_remove(&line->signalling);
    return line;
}
