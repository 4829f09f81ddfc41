/* SPDX-License-Identifier: MIT */
/* The queue of jobs; see job.h. */
#include <lib/check.h>
#include <lib/helper.h>
#include <lib/job.h>

static struct list jobs = LIST_INIT(jobs);
static bool turn_ordered; /* and has not come yet */

static void order_turn(void) {
    if (list_empty(&jobs) || turn_ordered)
        return;
    turn_ordered = true;
    helper_order();
}

void job_queue(struct job *job) {
    if (job_is_queued(job))
        return;
    list_add_tail(&jobs, &job->link);
    order_turn();
}

void job_queue_all(struct list *waiting) {
    list_move_all(&jobs, waiting);
    order_turn();
}

void job_turn(void) {
    turn_ordered = false;
    if (list_empty(&jobs)) /* all were cancelled meanwhile */
        return;
    struct job *job = container_of(jobs.next, struct job, link);
    list_remove(&job->link);
    if (job->step(job))
        job_queue(job);
    order_turn();
}

void jobs_check(void (*see)(struct job *job, void *data), void *data) {
    CHECK(!list_check(&jobs) || turn_ordered, &jobs);
    for (struct list *at = jobs.next; at != &jobs; at = at->next) {
        struct job *job = container_of(at, struct job, link);
        CHECK(job->step, job);
        if (see)
            see(job, data);
    }
}
