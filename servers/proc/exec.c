/* SPDX-License-Identifier: MIT */
/*
 * exec: the new program is built in a new task, and only when that is complete does the old one go.
 * So a failed exec has changed nothing.
 */
#include "pool.h"
#include <lib/program.h>
#include <parley/personality.h>
#include <protocol/proc_server.h>
#include <protocol/vfs_client.h>
#include <stdlib.h>
#include <string.h>

#define PAGE 4096ul
#define PIE_BASE 0x2aaaaaa000ul
#define INTERPRETER_MAX 256
#define SCRIPT_DEPTH 4
#define AT_FDCWD (-100)

/* A file opened to be run. */
struct file {
    uint64_t object, size;
    char path[256];
};

static struct program program, interpreter, personality;
static uint64_t personality_object, personality_data, personality_bias;
static bool log_unknown; /* log=syscalls */

bool exec_logs_unknown(void) {
    return log_unknown;
}

/* The second segment of linux.so: its state, at the start of what is private to each process. */
static long find_personality_data(void) {
    for (unsigned i = 0; i < personality.elf.phnum; i++) {
        struct elf_segment s;
        if (elf_segment(personality.head, personality.size, &personality.elf, i, &s) < 0)
            return -ENOEXEC;
        if (s.type == ELF_LOAD && s.flags & ELF_FLAG_WRITE) {
            personality_data = s.address + personality_bias;
            return s.file_size >= sizeof(struct personality_state) ? 0 : -ENOEXEC;
        }
    }
    return -ENOEXEC;
}

long exec_setup(void) {
    struct pk_object_info info;
    char option[16];
    personality_object = boot_cap("linux.so");
    long error = pk_object_info(personality_object, &info);
    if (error == 0)
        error = program_read(personality_object, info.size, &personality);
    log_unknown = command_line_get("log", option, sizeof option) > 0 && option[0] == 's';
    personality_bias = PERSONALITY_BASE - personality.low;
    return error < 0 ? error : find_personality_data();
}

static long open_file(struct process *p, int dirfd, uint32_t flags, const char *path,
                      struct file *out) {
    uint32_t mode, uid, gid;
    uint64_t ino, vfs = connect_endpoint(PK_SLOT_VFS);
    long n;
    do {
        n = vfs_exec_open(vfs, process_pid(p), dirfd, flags, path, strlen(path) + 1, out->path,
                          sizeof out->path - 1, &out->size, &mode, &uid, &gid, &ino, &out->object);
    } while (n < 0 && connect_again(p, PK_SLOT_VFS, n));
    if (n < 0)
        return n;
    out->path[(size_t)n < sizeof out->path ? (size_t)n : 0] = 0;
    return 0;
}

/* One interpreter line: "#!", blanks, a path, and the rest as one argument. */
static long parse_script(char *line, size_t length, char **path, char **argument) {
    char *end = memchr(line, '\n', length);
    if (!end)
        end = line + length;
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

/* Replaces argument 0 by interpreter, its argument, and the script's path. */
static long prepend(struct exec_strings *s, const char *interp, const char *argument,
                    const char *script) {
    struct exec_strings out = {0};
    size_t skip = strlen(s->bytes) + 1;
    long error = exec_add_string(&out, interp, strlen(interp) + 1);
    if (error == 0 && argument)
        error = exec_add_string(&out, argument, strlen(argument) + 1);
    if (error == 0)
        error = exec_add_string(&out, script, strlen(script) + 1);
    size_t added = out.length;
    if (error == 0)
        error = exec_add_string(&out, s->bytes + skip, s->length - skip);
    if (error < 0) {
        free(out.bytes);
        return error;
    }
    out.arguments = s->arguments + 1 + (argument != 0);
    out.argument_bytes = s->argument_bytes - skip + added;
    out.variables = s->variables;
    free(s->bytes);
    *s = out;
    return 0;
}

/* Opens the program, through as many interpreter scripts as it takes. */
static long open_program(struct process *p, int dirfd, uint32_t flags, const char *path,
                         struct exec_strings *s, struct file *f) {
    char name[256];
    if (strlen(path) >= sizeof name)
        return -ENAMETOOLONG;
    strcpy(name, path);
    for (int depth = 0; depth <= SCRIPT_DEPTH; depth++) {
        char line[INTERPRETER_MAX + 1], *interp, *argument;
        long error = open_file(p, dirfd, flags, name, f);
        if (error < 0)
            return error;
        size_t n = f->size < INTERPRETER_MAX ? f->size : INTERPRETER_MAX;
        error = pk_object_read(f->object, 0, line, n);
        if (error >= 0 && (n < 2 || line[0] != '#' || line[1] != '!'))
            return 0;
        pk_cap_drop(0, f->object);
        if (error >= 0)
            error = parse_script(line, n, &interp, &argument);
        if (error >= 0)
            error = prepend(s, interp, argument, name);
        if (error < 0)
            return error;
        strcpy(name, interp);
        dirfd = AT_FDCWD;
        flags = 0;
    }
    return -ELOOP;
}

/* Maps the program's own dynamic linker; bias and entry of it. */
static long map_interpreter(struct process *p, uint64_t task, const struct file *f,
                            uint64_t *bias) {
    char name[INTERPRETER_MAX];
    struct file interp_file;
    if (program.interpreter_length < 2 || program.interpreter_length > sizeof name)
        return -ENOEXEC;
    long error = pk_object_read(f->object, program.interpreter, name, program.interpreter_length);
    if (error < 0 || name[program.interpreter_length - 1])
        return error < 0 ? error : -ENOEXEC;
    error = open_file(p, AT_FDCWD, 0, name, &interp_file);
    if (error < 0)
        return error;
    error = program_read(interp_file.object, interp_file.size, &interpreter);
    if (error == 0 && interpreter.elf.type != ELF_SHARED)
        error = -ELIBBAD;
    *bias = MAP_TOP - interpreter.high;
    if (error == 0)
        error = program_map(task, interp_file.object, &interpreter, *bias);
    pk_cap_drop(0, interp_file.object);
    return error;
}

static long map_personality(const struct process *p, uint64_t task, struct exec_image *image) {
    image->personality = PERSONALITY_BASE;
    image->personality_entry = personality_bias + personality.elf.entry;
    long error = program_map(task, personality_object, &personality, personality_bias);
    if (error < 0)
        return error;
    struct personality_state state = {
        .brk_start = image->brk,
        .brk = image->brk,
        .timebase_hz = boot_info->timebase_hz,
        .realtime_ns = boot_info->realtime_ns,
        .random = clock_realtime_ns() ^ p->pid_node.key << 32,
        .log_unknown = log_unknown,
        .pid = process_pid(p),
    };
    memcpy(state.name, p->name, sizeof state.name);
    error = pk_task_copy_out(task, personality_data, &state, sizeof state);
    return error < 0 ? error : pk_task_set(task, PK_TASK_FOREIGN, image->personality_entry);
}

/* Everything in the new address space but the stack. */
static long map_image(struct process *p, uint64_t task, const struct file *f,
                      struct exec_image *image) {
    uint64_t bias = 0, interpreter_bias = 0;
    long error = program_read(f->object, f->size, &program);
    if (error < 0)
        return error;
    if (program.elf.type == ELF_SHARED)
        bias = PIE_BASE - program.low;
    error = program_map(task, f->object, &program, bias);
    if (error == 0 && program.interpreter_length)
        error = map_interpreter(p, task, f, &interpreter_bias);
    if (error < 0)
        return error;
    image->entry = program.elf.entry + bias;
    image->headers = program.headers ? program.headers + bias : 0;
    image->phnum = program.elf.phnum;
    image->base = interpreter_bias;
    image->start =
        program.interpreter_length ? interpreter.elf.entry + interpreter_bias : image->entry;
    image->brk = ((program.brk + PAGE - 1) & ~(PAGE - 1)) + bias;
    return map_personality(p, task, image);
}

static long make_thread(const struct process *p, uint64_t task, const struct exec_image *image,
                        uint64_t sp) {
    static struct pk_regs regs;
    memset(&regs, 0, sizeof regs);
    regs.x[0] = image->start;
    regs.x[2] = sp;
    return pk_thread_create_in(p->account, task, &regs, PROCESS_PRIORITY);
}

static void name_process(struct process *p, const char *path, const struct file *f) {
    const char *base = strrchr(path, '/');
    memset(p->name, 0, sizeof p->name);
    strncpy(p->name, base ? base + 1 : path, sizeof p->name - 1);
    strcpy(p->path, f->path);
}

/* What exec resets: caught signals, the alternate stack. */
static void reset_signals(struct process *p) {
    for (unsigned i = 0; i < SIGNALS; i++) {
        if (p->actions[i].handler != SIG_IGN)
            p->actions[i].handler = SIG_DFL;
        p->actions[i].flags = p->actions[i].mask = 0;
    }
    p->alt_stack = p->alt_size = 0;
    p->alt_flags = SS_DISABLE;
}

/* The point of no return: the new task takes over. */
static void switch_over(struct process *p, uint64_t task, uint64_t thread,
                        const struct exec_image *image, struct exec_strings *s) {
    uint64_t old_task = p->task, old_thread = p->thread;
    p->own_ns = process_run_ns(p);
    p->task = task;
    p->thread = thread;
    p->entry = image->personality_entry;
    reset_signals(p);
    if (p->execed || old_task)
        connect_execed(p);
    p->execed = true;
    free(p->command);
    p->command = malloc(s->argument_bytes);
    p->command_size = p->command ? s->argument_bytes : 0;
    memcpy(p->command, s->bytes, p->command_size);
    if (old_task) {
        pk_cap_drop(0, old_thread);
        pk_task_kill(old_task);
        pk_cap_drop(0, old_task);
    }
    process_release_vfork(p);
}

long exec_program(struct process *p, int dirfd, uint32_t flags, const char *path,
                  struct exec_strings *s) {
    struct file f;
    struct exec_image image = {0};
    uint64_t sp;
    long error = open_program(p, dirfd, flags, path, s, &f);
    if (error < 0)
        return error;
    long task = pk_task_create(p->account, 0), thread = -1;
    char old_name[sizeof p->name], old_path[sizeof p->path];
    memcpy(old_name, p->name, sizeof old_name);
    memcpy(old_path, p->path, sizeof old_path);
    name_process(p, path, &f);
    error = task < 0 ? task : map_image(p, (uint64_t)task, &f, &image);
    pk_cap_drop(0, f.object);
    if (error == 0)
        error = stack_build((uint64_t)task, p, &image, s, path, &sp);
    if (error == 0)
        error = connect_exceptions(p, (uint64_t)task);
    if (error == 0)
        error = pk_task_set((uint64_t)task, PK_TASK_NAME, (uint64_t)p->name);
    if (error == 0) {
        thread = make_thread(p, (uint64_t)task, &image, sp);
        error = thread < 0 ? thread : 0;
    }
    if (error < 0) {
        if (task >= 0) {
            pk_task_kill((uint64_t)task);
            pk_cap_drop(0, (uint64_t)task);
        }
        memcpy(p->name, old_name, sizeof old_name);
        memcpy(p->path, old_path, sizeof old_path);
        return error;
    }
    switch_over(p, (uint64_t)task, (uint64_t)thread, &image, s);
    error = connect_task(p);
    if (error < 0) {
        process_end(p, CLD_KILLED, SIGKILL); /* out of memory past the point of no return */
        return 0;
    }
    pk_thread_resume(p->thread);
    signal_poke(p);
    return 0;
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

long proc_handle_exec(struct request *req, int dirfd, uint64_t path, uint64_t argv, uint64_t envp,
                      uint32_t flags) {
    struct process *p = request_process(req);
    struct exec_strings strings;
    static char name[4096];
    if (!p)
        return -ESRCH;
    long error = read_path(p, path, name, sizeof name);
    if (error < 0)
        return error;
    error = exec_read_strings(p, argv, envp, &strings);
    if (error == 0)
        error = exec_program(p, dirfd, flags, name, &strings);
    free(strings.bytes);
    return error < 0 ? error : SERVER_DEFER; /* the caller is gone */
}
