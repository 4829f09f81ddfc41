/* SPDX-License-Identifier: MIT */
/*
 * The notes of a core file, in Linux's order and layouts (elf(5), linux/elfcore.h): of the thread that the signal is for
 * its state, of the process all that is told once, and of each thread its registers.
 */
#include "core.h"
#include "files.h"

enum {
    NT_PRSTATUS = 1,
    NT_FPREGSET = 2,
    NT_PRPSINFO = 3,
    NT_AUXV = 6,
    NT_SIGINFO = 0x53494749,
    NT_FILE = 0x46494c45
};

#define AT_FDCWD (-100)
#define AUXV_MOST 1024u
#define ARGUMENTS_SHOWN 80u

struct note_header {
    uint32_t name_size, size, type;
    char name[8];
};

struct process_status { /* struct elf_prstatus */
    int32_t signal, code, error;
    int16_t current, pad;
    uint64_t pending, held;
    int32_t pid, parent, group, session;
    struct linux_timeval user, system, children_user, children_system;
    uint64_t x[32];
    int32_t fp_valid, pad2;
};
_Static_assert(sizeof(struct process_status) == 376, "struct elf_prstatus");

struct process_info { /* struct elf_prpsinfo */
    char state, state_name, zombie, nice;
    uint64_t flags;
    uint32_t uid, gid;
    int32_t pid, parent, group, session;
    char name[16], arguments[ARGUMENTS_SHOWN];
};
_Static_assert(sizeof(struct process_info) == 136, "struct elf_prpsinfo");

static void put_note_header(struct core_file *f, uint32_t type, uint64_t size) {
    struct note_header h = {5, (uint32_t)size, type, "CORE"};
    core_put(f, &h, sizeof h);
}

/* Sizes are multiples of 4. */
static void put_note(struct core_file *f, uint32_t type, const void *bytes, size_t size) {
    put_note_header(f, type, size);
    core_put(f, bytes, size);
}

static struct linux_timeval to_timeval(uint64_t ns) {
    return (struct linux_timeval){(int64_t)(ns / NS_PER_SECOND),
                                  (int64_t)(ns % NS_PER_SECOND / 1000)};
}

static int32_t signal_of(const struct proc_core *p) {
    int32_t signal;
    memcpy(&signal, p->info, sizeof signal);
    return signal;
}

static void put_status(struct core_file *f, const struct proc_core *p, int tid,
                       const struct proc_core_thread *t) {
    struct process_status s;
    memset(&s, 0, sizeof s);
    s.signal = signal_of(p);
    s.current = (int16_t)s.signal;
    s.pending = t->pending;
    s.held = t->blocked;
    s.pid = tid;
    s.parent = p->parent;
    s.group = p->group;
    s.session = p->session;
    s.user = to_timeval(t->run_ns);
    s.children_user = to_timeval(p->children_ns);
    memcpy(s.x, t->x, sizeof s.x);
    s.fp_valid = 1;
    put_note(f, NT_PRSTATUS, &s, sizeof s);
}

static void put_info(struct core_file *f, const struct proc_core *p) {
    struct process_info i;
    uint64_t size = p->arguments_size;
    memset(&i, 0, sizeof i);
    i.state_name = 'R';
    i.nice = (char)p->nice;
    i.uid = p->uid;
    i.gid = p->gid;
    i.pid = p->pid;
    i.parent = p->parent;
    i.group = p->group;
    i.session = p->session;
    memcpy(i.name, p->name, sizeof i.name);
    size = size < ARGUMENTS_SHOWN ? size : ARGUMENTS_SHOWN;
    if (size && user_get(i.arguments, pointer(p->arguments), size) < 0)
        size = 0;
    for (uint64_t n = 0; n + 1 < size; n++)
        i.arguments[n] = i.arguments[n] ? i.arguments[n] : ' ';
    i.arguments[ARGUMENTS_SHOWN - 1] = 0;
    put_note(f, NT_PRPSINFO, &i, sizeof i);
}

static void put_auxv(struct core_file *f, const struct proc_core *p) {
    char auxv[AUXV_MOST];
    uint64_t size = p->auxv_size < AUXV_MOST ? p->auxv_size : AUXV_MOST;
    if (user_get(auxv, pointer(p->auxv), size) == 0)
        put_note(f, NT_AUXV, auxv, size);
}

/* ---- NT_FILE: what /proc/self/maps says ---- */

struct maps {
    long fd;
    long used, at; /* of the buffer */
    char buffer[1024];
};

enum pass { COUNT, RANGES, NAMES };

struct file_count {
    uint64_t files, name_bytes;
};

static int maps_next(struct maps *m) {
    if (m->at == m->used) {
        m->at = 0;
        m->used = file_read((uint64_t)m->fd, (uint64_t)m->buffer, sizeof m->buffer);
        if (m->used <= 0) {
            m->used = 0;
            return -1;
        }
    }
    return m->buffer[m->at++];
}

/* A number of that base, and the character behind it. */
static uint64_t maps_number(struct maps *m, unsigned base) {
    uint64_t n = 0;
    for (int c; (c = maps_next(m)) >= 0;) {
        unsigned digit = c >= 'a' ? (unsigned)c - 'a' + 10 : (unsigned)c - '0';
        if (c < '0' || digit >= base)
            break;
        n = n * base + digit;
    }
    return n;
}

static int maps_skip(struct maps *m, bool spaces) {
    int c;
    do
        c = maps_next(m);
    while (c >= 0 && (c == ' ') == spaces);
    return c;
}

/* One line; false at the end. */
static bool put_line(struct core_file *f, struct maps *m, enum pass pass, struct file_count *n) {
    uint64_t range[3];
    range[0] = maps_number(m, 16);
    range[1] = maps_number(m, 16);
    if (maps_skip(m, false) < 0) /* rights */
        return false;
    range[2] = maps_number(m, 16) / 4096;
    maps_skip(m, false); /* device */
    uint64_t inode = maps_number(m, 10);
    int c = maps_skip(m, true);
    bool file = inode && c == '/';
    n->files += file;
    if (file && pass == RANGES)
        core_put(f, range, sizeof range);
    for (; c >= 0 && c != '\n'; c = maps_next(m)) {
        char byte = (char)c;
        n->name_bytes += file;
        if (file && pass == NAMES)
            core_put(f, &byte, 1);
    }
    n->name_bytes += file;
    if (file && pass == NAMES)
        core_put(f, "", 1);
    return true;
}

static struct file_count put_maps(struct core_file *f, enum pass pass) {
    static const char name[] = "/proc/self/maps";
    struct maps m;
    struct file_count n = {0, 0};
    m.used = m.at = 0;
    m.fd = linux_openat((uint64_t)AT_FDCWD, (uint64_t)name, 0, 0);
    if (m.fd < 0)
        return n;
    while (put_line(f, &m, pass, &n))
        ;
    must(linux_close((uint64_t)m.fd));
    return n;
}

/* A program that has another root directory may have no /proc: then there is none. */
static void put_files(struct core_file *f) {
    static const char zeros[4];
    struct file_count n = put_maps(f, COUNT);
    uint64_t head[2] = {n.files, 4096};
    if (!n.files)
        return;
    put_note_header(f, NT_FILE, sizeof head + n.files * 24 + n.name_bytes);
    core_put(f, head, sizeof head);
    put_maps(f, RANGES);
    put_maps(f, NAMES);
    core_put(f, zeros, -n.name_bytes & 3);
}

static void put_process(struct core_file *f, const struct proc_core *p) {
    char info[128];
    memset(info, 0, sizeof info);
    memcpy(info, p->info, sizeof p->info);
    put_info(f, p);
    put_note(f, NT_SIGINFO, info, sizeof info);
    put_auxv(f, p);
    put_files(f);
}

void core_notes(struct core_file *f, const struct proc_core *process) {
    struct proc_core_thread t;
    long tid = 0;
    bool first = true;
    while ((tid = proc_core_thread(PK_SLOT_PROC, (int)tid, &t, sizeof t)) > 0) {
        put_status(f, process, (int)tid, &t);
        if (first)
            put_process(f, process);
        first = false;
        put_note(f, NT_FPREGSET, t.f, sizeof t.f + sizeof t.fcsr);
    }
}
