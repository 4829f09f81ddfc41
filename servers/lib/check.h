/* SPDX-License-Identifier: MIT */
/*
 * The check of a server's data: a debug build walks, before every thousandth message, over all that the server has and
 * compares what it finds with what is counted. Each structure of the library has a function here, and a server's `check`
 * (struct server) goes through its own state with them. What does not hold ends the server with a line that says where: what
 * it would do next can only be worse. Tests on the host call it oftener, and fail.
 *
 * It is called between two messages: a job may be half done then, but nothing else. A release build has none of it.
 */
#ifndef LIB_CHECK_H
#define LIB_CHECK_H

#include <lib/must.h>
#include <stdbool.h>
#include <stddef.h>

struct hash;
struct hash_node;
struct idtable;
struct list;
struct job;
struct payer;
struct server;
struct sysv_object;
struct sysv_table;
struct type_index;
struct type_node;
struct waiter;
struct waiter_queue;

/* One thing that must hold. at: what it is about. */
#define CHECK(condition, at)                                                                       \
    check_that((condition), MUST_WHERE(__FILE_NAME__, __LINE__) #condition, (at))

/* Says what does not hold, and ends the server. */
_Noreturn void check_failed(const char *what, const void *at) __attribute__((cold));

static inline void check_that(bool holds, const char *what, const void *at) {
    if (!holds)
        check_failed(what, at);
}

/* All that the library has for the server, and what is the server's own. */
void server_check(const struct server *srv);

#ifdef PARLEY_DEBUG
#define SERVER_CHECK(function) (function)
/* The loop is about to receive. */
void check_sometimes(const struct server *srv);
#else
#define SERVER_CHECK(function) NULL
static inline void check_sometimes(const struct server *srv) {
    (void)srv;
}
#endif

/* Each walks over one structure and returns how many it has; `see` (may be NULL) is called for each of them. */
size_t list_check(const struct list *head);
size_t hash_check(const struct hash *table, void (*see)(struct hash_node *node, void *data),
                  void *data);
size_t type_index_check(const struct type_index *index,
                        void (*see)(struct type_node *node, void *data), void *data);
size_t waiter_queue_check(const struct waiter_queue *queue,
                          void (*see)(struct waiter *waiter, void *data), void *data);
size_t idtable_check(const struct idtable *table, void (*see)(void *object, int id, void *data),
                     void *data);
size_t sysv_check(const struct sysv_table *table,
                  void (*see)(struct sysv_object *object, void *data), void *data);

/* The waiter is where a cancel notice and its client's end find it, and its client is there. */
void waiter_check(struct waiter *waiter);
/* Somebody's, who has references to it. */
void payer_check(struct payer *payer);

/* What the library has one of. */
void clients_check(void);
void waiters_check(void);
void deadlines_check(void);
void payers_check(void);
void jobs_check(void (*see)(struct job *job, void *data), void *data);

#endif
