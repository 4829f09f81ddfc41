/* SPDX-License-Identifier: MIT */
/*
 * Jobs: work that is too long for one request, done in steps between the requests of others.
 *
 * A step is bounded (some 50,000 instructions). The jobs of a server take turns; between two steps
 * the server receives, so whoever calls meanwhile waits for one step at most. Steps are done in the
 * time of a helper thread of the processes' priority: however long the jobs are, together they get
 * what one process gets beside others that compute, and no more.
 *
 * Not here: jobs that a caller waits for (lib/continuation.h).
 */
#ifndef LIB_JOB_H
#define LIB_JOB_H

#include <lib/list.h>

struct job {
    struct list link; /* in the queue of jobs, while it has a step to do */
    /* Does one step. True: there is more; false: it is done, and its memory may be gone. */
    bool (*step)(struct job *job);
};

static inline void job_init(struct job *job, bool (*step)(struct job *job)) {
    list_init(&job->link);
    job->step = step;
}

/* Puts it behind the others; one that is queued keeps its place. */
void job_queue(struct job *job);

/* Puts all of a list of jobs there, in their order, whatever their number. None of them is queued. */
void job_queue_all(struct list *waiting);

static inline bool job_is_queued(const struct job *job) {
    return job->link.next != &job->link;
}

/* It has no step to do any more. */
static inline void job_cancel(struct job *job) {
    list_remove(&job->link);
}

/* Called by the loop: it is the jobs' turn. Does one step of one of them. */
void job_turn(void);

#endif
