/* SPDX-License-Identifier: MIT */
/*
 * Tables of descriptors that forks share, against a model: what each process has by number, as plain arrays. Closing goes on in
 * jobs, whose steps come whenever they like; in the end no open file has a reference left.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <cmocka.h>

#include "descriptors.h"
#include "file.h"

#define PROCESSES 6
#define NUMBERS 400
#define FILES 50
#define STEPS 1000000
#define JOBS 64

struct model {
    int file[NUMBERS]; /* index + 1; 0: free */
    bool cloexec[NUMBERS];
};

static struct file files[FILES];
static uint64_t left_behind[PROCESSES + 1]; /* by pid: how many descriptors went */
static struct context processes[PROCESSES];
static struct model models[PROCESSES];
static bool alive[PROCESSES];
static struct job *jobs[JOBS];
static int job_count;
/* ---- What the code under test calls ------------------------------------------------------- */

void file_left(struct file *file, int pid, uint64_t lock_key) {
    assert_true(file->refs > 0);
    assert_int_equal(lock_key, (uint64_t)pid * 7);
    left_behind[pid]++;
}

void file_put(struct file *file) {
    assert_true(file->refs > 0);
    file->refs--;
}

long fd_close(struct context *context, int fd) {
    struct file *file = fd_table_take(&context->fds, fd);
    file_left(file, context->pid, context->lock_key);
    file_put(file);
    return 0;
}

void job_queue(struct job *job) {
    assert_true(job_count < JOBS);
    jobs[job_count++] = job;
}

static uint32_t below(uint32_t n);

/* A step of one that a caller waits for, who dies now and then. */
static bool call_step(struct job *job) {
    struct continuation *c = container_of(job, struct continuation, job);
    if (below(10) && c->ops->step(c) == SERVER_DEFER) {
        return true;
    }
    c->ops->release(c);
    return false;
}

void continuation_init(struct continuation *c, const struct request *req,
                       const struct continuation_ops *ops) {
    c->req = *req;
    c->ops = ops;
    job_init(&c->job, call_step);
}

void *own_calloc(size_t count, size_t size) {
    return calloc(count, size);
}

/* ---- The model ------------------------------------------------------------------------------- */

static uint32_t seed = 1;

static uint32_t below(uint32_t n) {
    seed = seed * 1664525u + 1013904223u;
    return (seed >> 8) % n;
}

static void do_job(void) {
    int n = (int)below((uint32_t)job_count);
    if (!jobs[n]->step(jobs[n])) {
        jobs[n] = jobs[--job_count];
    }
}

/* Mostly among the first ones. */
static int any_number(void) {
    return (int)below(below(3) ? 20 : NUMBERS);
}

static int first_free(const struct model *m, int from) {
    while (from < NUMBERS && m->file[from]) {
        from++;
    }
    return from;
}

static void add(struct context *p, struct model *m) {
    int least = below(3) ? 0 : any_number(), file = (int)below(FILES),
        limit = NUMBERS - (int)below(5);
    bool cloexec = below(2);
    int wanted = first_free(m, least);
    files[file].refs++;
    long got = fd_table_add(&p->fds, least, limit, &files[file], cloexec);
    if (wanted >= limit) {
        assert_int_equal(got, -EMFILE);
        files[file].refs--;
        return;
    }
    assert_int_equal(got, wanted);
    m->file[wanted] = file + 1;
    m->cloexec[wanted] = cloexec;
}

static void put(struct context *p, struct model *m) {
    int fd = any_number(), file = (int)below(FILES);
    struct file *before = NULL;
    files[file].refs++;
    assert_true(fd_table_put(&p->fds, fd, &files[file], false, &before));
    assert_ptr_equal(before, m->file[fd] ? &files[m->file[fd] - 1] : NULL);
    if (before) {
        file_put(before);
    }
    m->file[fd] = file + 1;
    m->cloexec[fd] = false;
}

static void take(struct context *p, struct model *m) {
    int fd = any_number();
    struct file *file = fd_table_take(&p->fds, fd);
    assert_ptr_equal(file, m->file[fd] ? &files[m->file[fd] - 1] : NULL);
    if (file) {
        file_put(file);
    }
    m->file[fd] = 0;
}

static void mark(struct context *p, struct model *m) {
    int first = any_number(), last = below(2) ? first : any_number();
    if (first == last && m->file[first]) {
        m->cloexec[first] = below(2);
        fd_table_set_cloexec(&p->fds, first, m->cloexec[first]);
        return;
    }
    fd_table_mark_cloexec(&p->fds, first, last);
    for (int fd = first; fd <= last; fd++) {
        m->cloexec[fd] = true;
    }
}

static void close_range_of(struct context *p, struct model *m) {
    bool cloexec = below(2);
    int first = cloexec ? 0 : any_number(),
        last = cloexec || below(2) ? INT32_MAX : first + (int)below(90);
    uint64_t before = left_behind[p->pid], gone = 0;
    const struct request req = {0};
    long answer = 0;
    if (cloexec) {
        fds_exec(p);
    } else {
        answer = fds_close(p, &req, first, last);
    }
    for (int fd = first; fd <= last && fd < NUMBERS; fd++) {
        if (m->file[fd] && (!cloexec || m->cloexec[fd])) {
            m->file[fd] = 0;
            gone++;
        }
    }
    if (answer == 0) {
        assert_int_equal(left_behind[p->pid] - before, gone);
    }
}

static void begin(int n) {
    memset(&processes[n], 0, sizeof(processes[n]));
    memset(&models[n], 0, sizeof(models[n]));
    fd_table_init(&processes[n].fds);
    processes[n].pid = n + 1;
    processes[n].lock_key = (uint64_t)(n + 1) * 7;
    alive[n] = true;
}

static void fork_to(int from, int to) {
    if (alive[to]) {
        fds_end(&processes[to]);
    }
    begin(to);
    assert_true(fd_table_fork(&processes[from].fds, &processes[to].fds));
    models[to] = models[from];
}

static void compare(int n) {
    const struct fd_table *fds = &processes[n].fds;
    const struct model *m = &models[n];
    int next = fd_table_next(fds, 0, false), next_cloexec = fd_table_next(fds, 0, true);
    for (int fd = 0; fd < NUMBERS; fd++) {
        assert_ptr_equal(fd_table_file(fds, fd), m->file[fd] ? &files[m->file[fd] - 1] : NULL);
        if (!m->file[fd]) {
            continue;
        }
        assert_int_equal(next, fd);
        next = fd_table_next(fds, fd + 1, false);
        assert_int_equal(fd_table_cloexec(fds, fd), m->cloexec[fd]);
        if (m->cloexec[fd]) {
            assert_int_equal(next_cloexec, fd);
            next_cloexec = fd_table_next(fds, fd + 1, true);
        }
    }
    assert_int_equal(next, -1);
    assert_int_equal(next_cloexec, -1);
    assert_true(fds->lowest <= first_free(m, 0));
    assert_null(fd_table_file(fds, -1));
    assert_null(fd_table_file(fds, INT32_MAX));
}

static void random_operations(void **state) {
    (void)state;
    begin(0);
    for (int step = 0; step < STEPS; step++) {
        int n = (int)below(PROCESSES);
        while (!alive[n]) {
            n = (n + 1) % PROCESSES;
        }
        struct context *p = &processes[n];
        struct model *m = &models[n];
        uint32_t what = below(100);
        if (what < 40) {
            add(p, m);
        } else if (what < 50) {
            put(p, m);
        } else if (what < 75) {
            take(p, m);
        } else if (what < 80) {
            mark(p, m);
        } else if (what < 83) {
            close_range_of(p, m);
        } else if (what < 90) {
            int to = (int)below(PROCESSES);
            if (to != n) {
                fork_to(n, to);
            }
        }
        while (job_count > (int)below(JOBS / 2)) {
            do_job();
        }
        if (step % 16 == 0) {
            compare(n);
        }
    }
    for (int n = 0; n < PROCESSES; n++) {
        if (alive[n]) {
            compare(n);
            fds_end(&processes[n]);
        }
    }
    while (job_count) {
        do_job();
    }
    for (int i = 0; i < FILES; i++) {
        assert_int_equal(files[i].refs, 0);
    }
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(random_operations),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
