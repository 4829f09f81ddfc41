/* SPDX-License-Identifier: MIT */
/*
 * Jobs: the processes of each pipeline, their states, and who has the terminal (POSIX XBD 11.1.2).
 * Without job control (a script, or a system that refuses process groups) jobs are only lists of
 * processes to wait for. A job leaves the table when its end has been reported or waited for.
 */
#include "sh.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

static struct job *jobs;  /* the newest first */
static int terminal = -1; /* a private descriptor of the terminal, with job control */
static pid_t shell_group;

/* Take the terminal, if there is one to take; otherwise go without job control, silently. */
void jobs_init(void) {
    terminal = fcntl(0, F_DUPFD_CLOEXEC, 10);
    if (terminal < 0)
        return;
    shell_group = sh.pid;
    if (getpgrp() != shell_group && setpgid(0, shell_group) < 0)
        return;
    if (tcsetpgrp(terminal, shell_group) < 0)
        return;
    sh.job_control = true;
}

struct job *job_new(const char *text) {
    struct job *job = xmalloc(sizeof(*job));

    *job = (struct job){.next = jobs, .text = xstrdup(text ? text : "")};
    for (const struct job *other = jobs; other; other = other->next) {
        if (other->number >= job->number)
            job->number = other->number;
    }
    job->number++;
    jobs = job;
    return job;
}

void job_free(struct job *job) {
    struct job **link = &jobs;

    while (*link != job)
        link = &(*link)->next;
    *link = job->next;
    free(job->processes);
    free(job->text);
    free(job);
}

/* ---- Starting processes ------------------------------------------------------------------- */

static void forget_all_jobs(void) {
    while (jobs)
        job_free(jobs);
}

/* A background process without job control reads nothing and hears no Ctrl-C (POSIX XCU 2.9.3). */
static void detach_background(bool first) {
    signal(SIGINT, SIG_IGN);
    signal(SIGQUIT, SIG_IGN);
    if (first) {
        close(0);
        if (open("/dev/null", O_RDONLY) < 0)
            sh_error("cannot open /dev/null: %s", strerror(errno));
    }
}

static void become_child(struct job *job, bool foreground) {
    bool background = job && job->background;
    bool first = job && job->count == 0;

    if (sh.job_control && job) {
        pid_t group = job->group ? job->group : getpid();

        setpgid(0, group);
        if (foreground)
            tcsetpgrp(terminal, group);
    }
    traps_reset_for_child();
    if (background && !sh.job_control)
        detach_background(first);
    sh.interactive = sh.job_control = false;
    sh.subshell = true;
    forget_all_jobs();
}

/*
 * fork(2), entering the child into `job` (which may be NULL: then the child stays in the shell's
 * own group). A failure has been reported.
 */
pid_t job_fork(struct job *job, bool foreground) {
    pid_t pid = fork();

    if (pid < 0) {
        sh_error("Cannot fork: %s", strerror(errno));
        return pid;
    }
    if (pid == 0) {
        become_child(job, foreground);
        return 0;
    }
    if (!job)
        return pid;
    if (sh.job_control) {
        if (!job->group)
            job->group = pid;
        setpgid(pid, job->group);
    }
    job->processes = xrealloc(job->processes, (job->count + 1) * sizeof(*job->processes));
    job->processes[job->count++] = (struct process){.pid = pid};
    return pid;
}

/* ---- Collecting states -------------------------------------------------------------------- */

int wait_status_code(int status) {
    if (WIFEXITED(status))
        return WEXITSTATUS(status);
    return 128 + (WIFSTOPPED(status) ? WSTOPSIG(status) : WTERMSIG(status));
}

static struct process *find_process(pid_t pid, struct job **owner) {
    for (struct job *job = jobs; job; job = job->next) {
        for (size_t i = 0; i < job->count; i++) {
            if (job->processes[i].pid == pid) {
                *owner = job;
                return &job->processes[i];
            }
        }
    }
    return NULL;
}

/* Take one change of state; false when there is none, or a signal came first. */
static bool collect(bool block) {
    int status, flags = (block ? 0 : WNOHANG) | (sh.job_control ? WUNTRACED : 0);
    pid_t pid = waitpid(-1, &status, flags);
    struct process *process;
    struct job *job;

    if (pid <= 0)
        return false;
    process = find_process(pid, &job);
    if (!process)
        return true;
    process->status = status;
    process->stopped = WIFSTOPPED(status);
    process->done = !process->stopped;
    job->reported = false;
    return true;
}

static bool job_done(const struct job *job) {
    for (size_t i = 0; i < job->count; i++) {
        if (!job->processes[i].done)
            return false;
    }
    return true;
}

/* Nothing of the job runs, and something of it is stopped. */
static bool job_stopped(const struct job *job) {
    bool stopped = false;

    for (size_t i = 0; i < job->count; i++) {
        if (!job->processes[i].done && !job->processes[i].stopped)
            return false;
        stopped |= job->processes[i].stopped;
    }
    return stopped;
}

static int job_status(const struct job *job) {
    return job->count ? job->processes[job->count - 1].status : 0;
}

/* ---- Telling the user --------------------------------------------------------------------- */

static const char *state_text(const struct job *job, char *text, size_t size) {
    int status = job_status(job);

    if (job_stopped(job))
        return "Stopped";
    if (!job_done(job))
        return "Running";
    if (WIFSIGNALED(status))
        snprintf(text, size, "%s%s", strsignal(WTERMSIG(status)),
                 WCOREDUMP(status) ? " (core dumped)" : "");
    else if (WEXITSTATUS(status))
        snprintf(text, size, "Done(%d)", WEXITSTATUS(status));
    else
        return "Done";
    return text;
}

/* The job that fg, bg and %% mean: the newest stopped one, else the newest. */
static struct job *current_job(void) {
    for (struct job *job = jobs; job; job = job->next) {
        if (job->background && job_stopped(job))
            return job;
    }
    for (struct job *job = jobs; job; job = job->next) {
        if (job->background)
            return job;
    }
    return NULL;
}

static void print_job(int fd, const struct job *job, bool with_group) {
    char state[64], group[24] = "";
    char mark = job == current_job() ? '+' : ' ';

    if (with_group && job->count)
        snprintf(group, sizeof(group), "%d ", (int)job->processes[0].pid);
    dprintf(fd, "[%d] %c %s%-26s %s\n", job->number, mark, group,
            state_text(job, state, sizeof(state)), job->text);
}

void job_announce(const struct job *job) {
    if (sh.interactive)
        dprintf(2, "[%d] %d\n", job->number, (int)job->processes[job->count - 1].pid);
}

void jobs_poll(void) {
    while (collect(false))
        continue;
}

static void forget_done(bool only_reported) {
    struct job *job, *next;

    for (job = jobs; job; job = next) {
        next = job->next;
        if (job_done(job) && (!only_reported || job->reported))
            job_free(job);
    }
}

/* Before a prompt: what became of the background jobs. */
void jobs_report_changes(void) {
    if (!jobs)
        return;
    jobs_poll();
    for (struct job *job = jobs; job; job = job->next) {
        if (!job->background || job->reported || (!job_done(job) && !job_stopped(job)))
            continue;
        print_job(2, job, false);
        job->reported = true;
    }
    forget_done(true);
}

static void print_oldest_first(struct job *job, bool with_group, bool only_group) {
    if (!job)
        return;
    print_oldest_first(job->next, with_group, only_group);
    if (!job->background)
        return;
    if (only_group)
        dprintf(1, "%d\n", (int)job->processes[0].pid);
    else
        print_job(1, job, with_group);
    job->reported = true;
}

/* `jobs`, with -l (process ids too) or -p (only them). */
void jobs_print(bool with_group, bool only_group) {
    jobs_poll();
    print_oldest_first(jobs, with_group, only_group);
    if (!only_group)
        forget_done(true);
}

/* ---- Foreground and background ------------------------------------------------------------ */

static void report_death(int status) {
    if (!WIFSIGNALED(status))
        return;
    if (WTERMSIG(status) == SIGINT) {
        if (sh.interactive)
            sh.interrupted = 1; /* as if it had hit the shell: the command line ends here */
    } else if (WTERMSIG(status) != SIGPIPE) {
        dprintf(2, "%s%s\n", strsignal(WTERMSIG(status)),
                WCOREDUMP(status) ? " (core dumped)" : "");
    }
}

/* Wait until the job ends or stops, take the terminal back, and give the exit status. */
int job_wait_foreground(struct job *job) {
    int status;

    if (sh.job_control && job->group)
        tcsetpgrp(terminal, job->group);
    while (!job_done(job) && !job_stopped(job)) {
        if (!collect(true) && errno == ECHILD)
            break; /* somebody else took the status: treat the job as gone */
    }
    if (sh.job_control)
        tcsetpgrp(terminal, shell_group);
    status = job_status(job);
    if (job_stopped(job)) {
        job->background = job->reported = true;
        dprintf(2, "\n");
        print_job(2, job, false);
        return wait_status_code(status);
    }
    report_death(status);
    job_free(job);
    return wait_status_code(status);
}

int job_continue(struct job *job, bool foreground) {
    if (!sh.job_control || !job->group) {
        sh_error("no job control");
        return 2;
    }
    dprintf(1, foreground ? "%s\n" : "%s &\n", job->text);
    for (size_t i = 0; i < job->count; i++)
        job->processes[i].stopped = false;
    job->background = !foreground;
    if (foreground)
        tcsetpgrp(terminal, job->group);
    if (kill(-job->group, SIGCONT) < 0 && errno != ESRCH) {
        sh_error("%s", strerror(errno));
        return 2;
    }
    return foreground ? job_wait_foreground(job) : 0;
}

/* "%%", "%+", "%N" or "%TEXT" (how the command begins); NULL means the current job. */
struct job *job_find(const char *spec) {
    const char *text = spec && *spec == '%' ? spec + 1 : spec;
    struct job *found = NULL;

    if (!spec || !*text || !strcmp(text, "%") || !strcmp(text, "+"))
        found = current_job();
    else {
        for (struct job *job = jobs; job && !found; job = job->next) {
            if (strspn(text, "0123456789") == strlen(text)
                    ? job->number == atoi(text)
                    : !strncmp(job->text, text, strlen(text)))
                found = job;
        }
    }
    if (!found)
        sh_error("No such job: %s", spec ? spec : "%%");
    return found;
}

/* ---- `wait` ------------------------------------------------------------------------------- */

/* Wait for one change; the number of the signal that cut the waiting short, -1 without children. */
static int wait_once(void) {
    if (collect(true))
        return 0;
    if (errno != EINTR)
        return -1;
    if (sh.interrupted && sh.interactive)
        return SIGINT;
    return traps_pending();
}

int job_wait_job(struct job *job) {
    int status;

    while (!job_done(job) && !job_stopped(job)) {
        int cut = wait_once();

        if (cut > 0)
            return 128 + cut;
        if (cut < 0)
            break;
    }
    status = wait_status_code(job_status(job));
    if (job_done(job))
        job_free(job);
    return status;
}

/* 127 for a process that is no child of this shell (POSIX, wait). */
int job_wait_pid(pid_t pid) {
    struct job *job;
    const struct process *process = find_process(pid, &job);
    int status;

    if (!process)
        return 127;
    while (!process->done) {
        int cut = wait_once();

        if (cut > 0)
            return 128 + cut;
        if (cut < 0)
            break;
    }
    status = wait_status_code(process->status);
    if (job_done(job))
        job_free(job);
    return status;
}

void jobs_wait_all(void) {
    struct job *job = jobs;

    while (job) {
        if (job_done(job) || job_stopped(job))
            job = job->next;
        else if (wait_once() != 0)
            break;
    }
    forget_done(false);
}
