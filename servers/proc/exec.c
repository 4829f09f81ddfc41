/* SPDX-License-Identifier: MIT */
/*
 * exec: the new program is built in a new task, and only when that is complete does the old one go.
 * So a failed exec has changed nothing.
 */
#include "departure.h"
#include "exec.h"
#include "pool.h"
#include "ptrace.h"
#include "timer.h"
#include "seat.h"
#include <lib/program.h>
#include <protocol/proc_server.h>
#include <protocol/vfs_client.h>
#include <stdlib.h>
#include <string.h>

#define PAGE 4096ul
#define PIE_BASE 0x2aaaaaa000ul
#define AT_FDCWD (-100)

static struct program program, interpreter, personality;
static uint64_t personality_object, personality_data, personality_bias;
static bool log_unknown; /* log=syscalls */

bool exec_logs_unknown(void) {
    return log_unknown;
}

/* The second segment of linux.so has its state at its end, and what is private to each process before that. */
static long find_personality_data(struct elf_segment *data) {
    for (unsigned i = 0; i < personality.elf.phnum; i++) {
        if (elf_segment(personality.head, personality.size, &personality.elf, i, data) < 0)
            return -ENOEXEC;
        if (data->type != ELF_LOAD || !(data->flags & ELF_FLAG_WRITE))
            continue;
        if (data->file_size < sizeof(struct personality_state))
            return -ENOEXEC;
        personality_data =
            data->address + personality_bias + data->file_size - sizeof(struct personality_state);
        return 0;
    }
    return -ENOEXEC;
}

/* The page before that segment is the clock's, in the first one. */
static long find_clock(const struct elf_segment *data) {
    uint64_t address = data->address - PAGE;
    for (unsigned i = 0; i < personality.elf.phnum; i++) {
        struct elf_segment s;
        if (elf_segment(personality.head, personality.size, &personality.elf, i, &s) < 0)
            return -ENOEXEC;
        if (s.type == ELF_LOAD && s.address <= address && address - s.address < s.file_size)
            return clock_setup(personality_object, s.offset + (address - s.address));
    }
    return -ENOEXEC;
}

long exec_setup(void) {
    struct pk_object_info info;
    struct elf_segment data;
    char option[16];
    personality_object = boot_cap("linux.so");
    long error = pk_object_info(personality_object, &info);
    if (error == 0)
        error = program_read(personality_object, info.size, &personality);
    log_unknown = command_line_get("log", option, sizeof option) > 0 && option[0] == 's';
    personality_bias = PERSONALITY_BASE - personality.low;
    if (error == 0)
        error = find_personality_data(&data);
    return error < 0 ? error : find_clock(&data);
}

static long open_file(struct process *p, int dirfd, uint32_t flags, const char *path,
                      struct file *out) {
    uint64_t ino, vfs = connect_endpoint(PK_SLOT_VFS);
    long n;
    do {
        n = vfs_exec_open(vfs, process_pid(p), dirfd, flags, path, strlen(path) + 1, &out->size,
                          &out->mode, &out->uid, &out->gid, &ino, &out->object);
    } while (n < 0 && connect_again(p, PK_SLOT_VFS, n));
    return n < 0 ? n : 0;
}

/* The file itself, which may be a long way off: 1, there is more to do; 0 or an error. */
static long open_first(struct exec *e) {
    uint32_t again = e->opening ? VFS_EXEC_AGAIN : 0;
    long error = open_file(e->p, e->dirfd, e->flags | again, e->path, &e->file);
    e->opening = error == -EAGAIN;
    return e->opening ? 1 : error;
}

/* An interpreter, whose path is short. */
static long open_at_once(struct process *p, const char *path, uint32_t flags, struct file *out) {
    long error = open_file(p, AT_FDCWD, flags, path, out);
    return error == -EAGAIN ? -ELOOP : error;
}

/* One interpreter line: "#!", blanks, a path, and the rest as one argument. There is a NUL behind it. */
static long parse_script(char *line, size_t length, char **path, char **argument) {
    char *end = memchr(line, '\n', length);
    if (!end) {
        char *first = line + 2 + strspn(line + 2, " \t");
        if (length == LINE_MOST && !first[strcspn(first, " \t")])
            return -ENOEXEC; /* the path may go on behind what was read */
        end = line + length;
    }
    while (end > line && (end[-1] == ' ' || end[-1] == '\t'))
        end--;
    *end = 0;
    char *at = line + 2 + strspn(line + 2, " \t");
    if (!*at)
        return -ENOEXEC;
    *path = at;
    at += strcspn(at, " \t");
    *argument = 0;
    if (*at) {
        *at++ = 0;
        *argument = at + strspn(at, " \t");
    }
    return 0;
}

/* Puts a string before the others in `own`; there is room for as many as open_program puts there. */
static void prepend(struct exec *e, const char *text) {
    struct exec_list *list = &e->arguments;
    size_t n = strlen(text) + 1;
    memmove(e->own + n, e->own, list->own_length);
    memcpy(e->own, text, n);
    list->own_length += n;
    list->own_count++;
    list->length += n;
    list->count++;
}

/* Argument 0, which was read with the others or is the script's path of the level before, goes. */
static void drop_first(struct exec *e) {
    struct exec_list *list = &e->arguments;
    size_t n = list->own_count ? strlen(e->own) + 1 : list->first_length;
    if (list->own_count) {
        list->own_count--;
        list->own_length -= n;
        memmove(e->own, e->own + n, list->own_length);
    } else {
        e->skipped = n;
    }
    list->length -= n;
    list->count--;
}

/* From the opened file to the program, through as many interpreter scripts as it takes. */
static long open_program(struct exec *e) {
    static char name[PATH_MOST];
    strcpy(name, e->path);
    for (int depth = 0; depth < SCRIPTS_MOST; depth++) {
        char line[LINE_MOST + 1], *interp, *argument;
        long error = depth == 0 ? 0 : open_at_once(e->p, name, 0, &e->file);
        if (error < 0)
            return error;
        size_t n = e->file.size < LINE_MOST ? e->file.size : LINE_MOST;
        error = pk_object_read(e->file.object, 0, line, n);
        line[n] = 0;
        if (error >= 0 && (n < 2 || line[0] != '#' || line[1] != '!'))
            return 0;
        must(pk_cap_drop(0, e->file.object));
        e->file.object = 0;
        line[n] = 0;
        if (error >= 0)
            error = parse_script(line, n, &interp, &argument);
        if (error < 0)
            return error;
        drop_first(e);
        prepend(e, name);
        if (argument)
            prepend(e, argument);
        prepend(e, interp);
        strcpy(name, interp);
    }
    return -ELOOP;
}

/* Maps the program's own dynamic linker, below that address; bias and entry of it. */
static long map_interpreter(struct process *p, uint64_t task, const struct file *f, uint64_t below,
                            uint64_t *bias) {
    static char name[PATH_MOST];
    struct file interp_file;
    if (program.interpreter_length < 2 || program.interpreter_length > sizeof name)
        return -ENOEXEC;
    long error = pk_object_read(f->object, program.interpreter, name, program.interpreter_length);
    if (error < 0 || name[program.interpreter_length - 1])
        return error < 0 ? error : -ENOEXEC;
    error = open_at_once(p, name, VFS_EXEC_LOADER, &interp_file);
    if (error < 0)
        return error;
    error = program_read(interp_file.object, interp_file.size, &interpreter);
    if (error == 0 && interpreter.elf.type != ELF_SHARED)
        error = -ELIBBAD;
    *bias = below - interpreter.high;
    if (error == 0)
        error = program_map(task, interp_file.object, &interpreter, *bias);
    must(pk_cap_drop(0, interp_file.object));
    return error;
}

static void set_name(struct exec *e) {
    const char *base = strrchr(e->path, '/');
    strncpy(e->name, base ? base + 1 : e->path, sizeof e->name - 1);
    e->name[sizeof e->name - 1] = 0;
}

/* The word of the thread that will run the new program. */
static uint64_t first_word(const struct process *p) {
    return personality_word(process_pid(p), FIRST_SEAT, process_pid(p));
}

static long map_personality(const struct exec *e, uint64_t task, struct exec_image *image) {
    const struct process *p = e->p;
    image->personality = PERSONALITY_BASE;
    image->personality_entry = personality_bias + personality.elf.entry;
    long error = program_map(task, personality_object, &personality, personality_bias);
    if (error < 0)
        return error;
    uint64_t blocked = (e->thread ? e->thread : &p->main)->blocked;
    uint64_t word = first_word(p);
    static struct personality_state state; /* what is not set here is 0 in each */
    state.brk_start = state.brk = image->brk;
    state.timebase_hz = boot_info->timebase_hz;
    state.random = clock_realtime_ns() ^ p->pid_node.key << 32;
    state.log_unknown = log_unknown;
    state.acted = signal_ignored_set(p);
    state.seats[FIRST_SEAT - 1] = (struct personality_seat){word, blocked, blocked, 0};
    error = pk_task_copy_out(task, personality_data, &state,
                             offsetof(struct personality_state, seats[FIRST_SEAT]));
    return error < 0 ? error : pk_task_set(task, PK_TASK_FOREIGN, image->personality_entry);
}

/* Everything in the new address space but the stack. */
static long map_image(struct exec *e) {
    struct process *p = e->p;
    uint64_t task = e->task;
    const struct file *f = &e->file;
    struct exec_image *image = &e->image;
    uint64_t bias = 0, interpreter_bias = 0;
    long error = program_read(f->object, f->size, &program);
    if (error < 0)
        return error;
    if (program.elf.type == ELF_SHARED)
        bias = PIE_BASE - program.low;
    error = program_map(task, f->object, &program, bias);
    if (error == 0 && program.interpreter_length)
        error = map_interpreter(p, task, f, stack_mappings_below(e), &interpreter_bias);
    if (error < 0)
        return error;
    image->entry = program.elf.entry + bias;
    image->headers = program.headers ? program.headers + bias : 0;
    image->phnum = program.elf.phnum;
    image->base = interpreter_bias;
    image->start =
        program.interpreter_length ? interpreter.elf.entry + interpreter_bias : image->entry;
    image->brk = ((program.brk + PAGE - 1) & ~(PAGE - 1)) + bias;
    return map_personality(e, task, image);
}

static long make_thread(const struct exec *e) {
    const struct process *p = e->p;
    static struct pk_regs regs;
    memset(&regs, 0, sizeof regs);
    regs.x[0] = e->image.start;
    regs.x[2] = e->sp;
    regs.word = first_word(p);
    long thread = pk_thread_create_in(p->account, e->task, &regs, PROCESS_PRIORITY);
    if (thread < 0)
        return thread;
    const struct schedule *s = e->thread ? &e->thread->schedule : &p->main.schedule;
    long error = schedule_keep((uint64_t)thread, s);
    if (error < 0)
        must(pk_cap_drop(0, (uint64_t)thread));
    return error < 0 ? error : thread;
}

uint64_t exec_state(void) {
    return personality_data;
}

/* The point of no return: the new task takes over. */
static void switch_over(struct exec *e, uint64_t thread) {
    struct process *p = e->p;
    uint64_t old_task = p->task;
    if (old_task) {
        e->thread->tidy = e->tidy;
        p->own = process_usage(p);
        threads_leave_memory(p);
    }
    posix_timers_end(p);
    p->task = e->task;
    p->known = p->shares_memory = false;
    if (p->exit_signal != SIGCHLD)
        child_set_exit_signal(p, SIGCHLD);
    const struct exec_tracing tracing = ptrace_before_exec(e->thread);
    threads_replace(e->thread, thread);
    p->entry = e->image.personality_entry;
    e->task = 0;
    memcpy(p->name, e->name, sizeof p->name);
    ptrace_after_exec(p, &tracing);
    signal_reset_actions(p);
    if (p->execed || old_task)
        connect_execed(p);
    p->execed = true;
    p->strings = e->strings;
    if (old_task && !departure_keeps_task(p, old_task))
        process_end_task(old_task);
    process_release_vfork(p);
}

#define SET_USER_ID 04000u
#define SET_GROUP_ID 02010u /* without execution by the group that bit says something else */

/*
 * Who the process is when the program runs (execve(2)): the file's owner if that is asked for and the process
 * has not given up to become more, nor is traced by who could not. Of a script it is the interpreter's file that counts.
 */
static void choose_ids(struct exec *e) {
    const struct process *p = e->p;
    const struct file *f = &e->file;
    bool bound = p->no_new_rights || ptrace_binds(e->thread);
    e->euid = f->mode & SET_USER_ID && !bound ? f->uid : p->euid;
    bool group = (f->mode & SET_GROUP_ID) == SET_GROUP_ID;
    e->egid = group && !bound ? f->gid : p->egid;
}

/* Before the point of no return: a server may have no memory for it, then all is as it was. */
static long take_ids(const struct exec *e) {
    struct process *p = e->p;
    uint32_t before[] = {p->euid, p->suid, p->egid, p->sgid};
    bool other = p->euid != e->euid || p->egid != e->egid;
    p->euid = p->suid = e->euid;
    p->egid = p->sgid = e->egid;
    p->dumpable = process_may_read(p, e->file.mode, e->file.uid, e->file.gid);
    p->keeps_rights = false;
    if (!other)
        return 0;
    long error = connect_credentials(p);
    if (error < 0) {
        p->euid = before[0], p->suid = before[1], p->egid = before[2], p->sgid = before[3];
        if (connect_credentials(p) < 0) { /* to some servers it is who it is not: it must end */
            p->exec = 0;
            process_end(p, CLD_KILLED, SIGKILL);
        }
        return -ENOMEM;
    }
    p->parent_death_signal = 0;
    p->no_random_addresses = false;
    p->dumpable = false;
    return 0;
}

/* What comes between reading the strings for their lengths and reading them to be copied. */
static long build(struct exec *e) {
    long error = open_program(e);
    if (error < 0)
        return error;
    long task = pk_task_create(e->p->account, 0);
    if (task < 0)
        return task;
    e->task = (uint64_t)task;
    stack_choose(e);
    if (settings_limits_memory(e->p) &&
        (error = settings_limit_memory(e->p, e->task, e->strings.stack)) < 0)
        return error;
    set_name(e);
    choose_ids(e);
    error = map_image(e);
    if (error == 0)
        error = connect_exceptions(e->p, e->task);
    if (error == 0)
        error = pk_task_set(e->task, PK_TASK_NAME, (uint64_t)e->name);
    if (error < 0)
        return error;
    return stack_begin(e);
}

/* 0: the new program runs, or the process could not live on. */
static long finish(struct exec *e) {
    struct process *p = e->p;
    if (p->traced)
        choose_ids(e); /* somebody may have begun to trace it meanwhile */
    long error = stack_end(e);
    if (error < 0)
        return error;
    long thread = make_thread(e);
    if (thread < 0)
        return thread;
    error = take_ids(e);
    if (error < 0) {
        must(pk_cap_drop(0, (uint64_t)thread));
        return p->state == PROCESS_ZOMBIE ? 0 : error;
    }
    p->exec = 0;
    switch_over(e, (uint64_t)thread);
    if (connect_task(p) < 0) {
        process_end(p, CLD_KILLED, SIGKILL); /* out of memory past the point of no return */
        return 0;
    }
    ptrace_execed(p);
    p->main.held = p->state != PROCESS_RUNNING;
    if (!p->main.held || p->traced)
        must(pk_thread_resume(p->main.slot));
    signal_poke(&p->main);
    return 0;
}

/* argv[0] is made up if there is none (execve(2)). */
static void end_arguments(struct exec *e) {
    struct exec_list *list = &e->arguments;
    if (list->count == 0) {
        e->own[0] = 0;
        list->own_length = list->own_count = list->length = list->count = 1;
    }
}

/* One phase, or a part of it: 1 if it is to be gone on with. */
static long phase_step(struct exec *e) {
    switch (e->phase) {
    case EXEC_MEASURE_ARGUMENTS:
        return exec_measure(e, &e->arguments);
    case EXEC_MEASURE_VARIABLES:
        end_arguments(e);
        return exec_measure(e, &e->variables);
    case EXEC_OPEN:
        return open_first(e);
    case EXEC_BUILD:
        return build(e);
    case EXEC_COPY_ARGUMENTS:
        return exec_copy_list(e, &e->arguments);
    case EXEC_COPY_VARIABLES:
        return exec_copy_list(e, &e->variables);
    case EXEC_FINISH:
        return finish(e);
    }
    return 0;
}

/* Until all phases are done (0), one is to be gone on with (1), or there is an error. */
static long go_on(struct exec *e) {
    e->pieces = STEP_PIECES;
    for (;; e->phase++) {
        long more = phase_step(e);
        if (more != 0 || e->phase == EXEC_FINISH)
            return more;
    }
}

/* Most are over in one step: for these there is one place. */
static struct exec the_usual;
static bool usual_taken;

static struct exec *exec_new(struct thread *thread, int dirfd, uint32_t flags) {
    struct exec *e = usual_taken ? malloc(sizeof *e) : &the_usual;
    if (!e)
        return 0;
    usual_taken |= e == &the_usual;
    e->p = thread->process;
    e->thread = thread;
    e->phase = EXEC_MEASURE_ARGUMENTS;
    e->dirfd = dirfd;
    e->flags = flags;
    e->opening = false;
    e->arguments = (struct exec_list){.own = e->own};
    e->variables = (struct exec_list){.own = e->own_variables};
    e->skipped = 0;
    e->task = 0;
    e->file.object = 0;
    e->image = (struct exec_image){0};
    return e;
}

/* Whatever came of it: what p has not taken over goes. */
static void exec_free(struct exec *e) {
    if (e->p->exec == e)
        e->p->exec = 0;
    if (e->file.object)
        must(pk_cap_drop(0, e->file.object));
    if (e->task)
        process_end_task(e->task);
    if (e == &the_usual)
        usual_taken = false;
    else
        free(e);
}

static void exec_release(struct continuation *c) {
    exec_free(container_of(c, struct exec, c));
}

/* After a success the answer goes nowhere: the caller went with its old program. */
static long exec_step(struct continuation *c) {
    long more = go_on(container_of(c, struct exec, c));
    return more > 0 ? SERVER_DEFER : more;
}

const struct thread *exec_thread(const struct exec *e) {
    return e->thread;
}

void exec_abandon(struct process *p) {
    continuation_drop(&p->exec->c);
}

long exec_spawn(struct process *p, const char *bytes, size_t length, size_t count) {
    static const char environment[] = "PATH=/bin\0HOME=/root\0TERM=vt100";
    struct exec *e = exec_new(&p->main, AT_FDCWD, 0);
    if (!e)
        return -ENOMEM;
    long more = strlen(bytes) < sizeof e->path ? 1 : -ENAMETOOLONG;
    if (more > 0) {
        strcpy(e->path, bytes);
        memcpy(e->own, bytes, length);
        e->arguments.own_length = e->arguments.length = length;
        e->arguments.own_count = e->arguments.count = count;
        memcpy(e->own_variables, environment, sizeof environment);
        e->variables.own_length = e->variables.length = sizeof environment;
        e->variables.own_count = e->variables.count = 3;
        do {
            more = go_on(e); /* its strings are few: one step does it, if its path is short */
        } while (more > 0);
    }
    exec_free(e);
    return more;
}

static long read_path(const struct process *p, uint64_t address, char *path, size_t size) {
    for (size_t at = 0; at < size;) {
        size_t n = 64 - (address + at) % 64;
        if (n > size - at)
            n = size - at;
        long got = pk_task_copy_in(p->task, path + at, address + at, n);
        if (got < 0)
            return got;
        if (memchr(path + at, 0, n))
            return 0;
        at += n;
    }
    return -ENAMETOOLONG;
}

static long begin(struct request *req, struct exec *e) {
    static const struct continuation_ops ops = {.step = exec_step, .release = exec_release};
    long more = go_on(e);
    if (more <= 0) {
        exec_free(e);
        return more < 0 ? more : SERVER_DEFER; /* the caller is gone */
    }
    e->p->exec = e;
    continuation_init(&e->c, req, &ops);
    continuation_go(&e->c);
    return SERVER_DEFER;
}

long proc_handle_exec(struct request *req, int dirfd, uint64_t path, uint64_t argv, uint64_t envp,
                      uint32_t flags, int tidy) {
    struct thread *t = request_thread(req);
    if (!t)
        return -ESRCH;
    struct process *p = t->process;
    /* There is one of another thread, which will end this one if it comes to its end; or the process has ended. */
    if (p->exec || p->state == PROCESS_DUMPING)
        return -EAGAIN;
    struct exec *e = exec_new(t, dirfd, flags);
    if (!e)
        return -ENOMEM;
    e->tidy = tidy;
    e->arguments.vector = argv;
    e->variables.vector = envp;
    long error = read_path(p, path, e->path, sizeof e->path);
    if (error == 0)
        return begin(req, e);
    exec_free(e);
    return error;
}
