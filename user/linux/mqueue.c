/* SPDX-License-Identifier: MIT */
/*
 * POSIX message queues as messages to the mq server, by Linux's calls (mq_overview(7)). Short texts travel in words; all
 * others the server copies itself.
 */
#include "files.h"
#include "textwords.h"
#include "time.h"
#include <protocol/mq_client.h>

enum { WRONLY = 1, RDWR = 2, NONBLOCK = 04000, CLOEXEC = 02000000 }; /* O_* */
enum { SETFD = 2 };                                                  /* F_* */

#define TEXT_MOST (16ul << 20) /* no queue has longer ones */
#define mq_call(expr) personality_connected(PK_SLOT_MQ, expr)

/* struct mq_attr */
struct attributes {
    int64_t flags, maxmsg, msgsize, curmsgs, reserved[4];
};

/* A name is looked up by vfs, which may not know the process yet. */
#define NAMED_CALL(expr)                                                                           \
    ({                                                                                             \
        long named_ = mq_call(expr);                                                               \
        if (named_ == -ESRCH && (named_ = personality_connect(PK_SLOT_VFS)) >= 0)                  \
            named_ = mq_call(expr);                                                                \
        named_;                                                                                    \
    })

long linux_mq_open(uint64_t name, uint64_t flags, uint64_t mode, uint64_t attributes) {
    struct attributes a = {0};
    if (attributes && program_read(&a, attributes, sizeof(a))) {
        return -EFAULT;
    }
    return NAMED_CALL(mq_open(PK_SLOT_MQ, (uint32_t)flags, (uint32_t)mode, !attributes, a.maxmsg,
                              a.msgsize, PATH(name)));
}

long linux_mq_create(const char *name, uint64_t flags, uint64_t mode) {
    long fd = NAMED_CALL(mq_open(PK_SLOT_MQ, (uint32_t)flags, (uint32_t)mode, 1, 0, 0, name,
                                 string_length(name) + 1));
    if (fd >= 0 && !(flags & CLOEXEC)) {
        pk_may_fail(linux_fcntl((uint64_t)fd, SETFD, 0)); /* it may be closed already */
    }
    return fd;
}

void linux_mq_times(uint64_t number) {
    pk_may_fail(mq_call(mq_times(PK_SLOT_MQ, number))); /* the queue may be gone */
}

long linux_mq_unlink(uint64_t name) {
    return NAMED_CALL(mq_unlink(PK_SLOT_MQ, PATH(name)));
}

/* A struct timespec of CLOCK_REALTIME that may be absent: 0, -EFAULT or -EINVAL. */
static NOINLINE long read_deadline(const struct linux_timespec *user, int64_t *deadline) {
    uint64_t ns;
    long error = time_read(user, &ns);
    *deadline = (int64_t)ns;
    return error;
}

/* Why a text that cannot be read is not sent: what Linux looks at before is told first. */
static NOINLINE long unreadable(int fd, size_t size) {
    uint32_t was;
    int64_t maxmsg, msgsize, curmsgs;
    long error = mq_attributes(PK_SLOT_MQ, fd, MQ_KEEP, WRONLY, &was, &maxmsg, &msgsize, &curmsgs);
    return error < 0 ? error : size > (uint64_t)msgsize ? -EMSGSIZE : -EFAULT;
}

static NOINLINE long send_long(int fd, const char *text, size_t size, uint32_t priority,
                               int64_t deadline) {
    if (size <= TEXT_MOST && user_probe(text, size) < 0) {
        return unreadable(fd, size);
    }
    return mq_send(PK_SLOT_MQ, fd, priority, deadline, text, size);
}

static inline uint64_t how_short(int fd, size_t size, uint32_t priority) {
    return (uint32_t)fd | (uint64_t)priority << MQ_SHORT_PRIORITY_SHIFT |
           (uint64_t)size << MQ_SHORT_LENGTH_SHIFT;
}

static NOINLINE long send_bytes(int fd, const char *text, size_t size, uint32_t priority,
                                int64_t deadline) {
    uint64_t copy[TEXT_WORDS] = {0};
    if (user_get(copy, text, size) < 0) {
        return unreadable(fd, size);
    }
    return mq_send_short(PK_SLOT_MQ, how_short(fd, size, priority), deadline, copy);
}

static ALWAYS_INLINE long send(int fd, const char *text, size_t size, uint32_t priority,
                               const struct linux_timespec *timeout) {
    int64_t deadline = MQ_FOR_EVER;
    uint64_t words[TEXT_WORDS];
    long error = timeout ? read_deadline(timeout, &deadline) : 0;
    if (error < 0) {
        return error;
    }
    if (priority >= MQ_PRIO_MAX) {
        return -EINVAL;
    }
    if (!whole_words(text, size)) {
        return size <= PK_TEXT_SIZE ? send_bytes(fd, text, size, priority, deadline)
                                    : send_long(fd, text, size, priority, deadline);
    }
    if (load_text(text, size, words) < 0) {
        return unreadable(fd, size);
    }
    return mq_send_short(PK_SLOT_MQ, how_short(fd, size, priority), deadline, words);
}

PERSONALITY_AGAIN(mq_timedsend, PK_SLOT_MQ,
                  send((int)a[0], (const char *)a[1], a[2], (uint32_t)a[3],
                       (const struct linux_timespec *)a[4]))

long linux_mq_timedsend(int fd, const char *text, size_t size, uint32_t priority,
                        const struct linux_timespec *timeout) {
    return personality_try(mq_timedsend, send(fd, text, size, priority, timeout));
}

static NOINLINE long store_bytes(char *to, size_t length, const uint64_t text[TEXT_WORDS]) {
    return user_put(to, text, length);
}

static ALWAYS_INLINE long receive(int fd, char *text, size_t size, uint32_t *priority,
                                  const struct linux_timespec *timeout) {
    int64_t deadline = MQ_FOR_EVER;
    uint64_t words[TEXT_WORDS];
    uint32_t of;
    long error = timeout ? read_deadline(timeout, &deadline) : 0;
    if (error < 0) {
        return error;
    }
    size_t room = size < TEXT_MOST ? size : TEXT_MOST;
    long length = mq_receive(PK_SLOT_MQ, fd, deadline, text, room, &of, words);
    if (length < 0) {
        return length;
    }
    if (whole_words(text, (size_t)length)) {
        error = store_text(text, (size_t)length, words);
    } else if (length <= PK_TEXT_SIZE) {
        uint64_t copy[TEXT_WORDS] = {words[0], words[1], words[2], words[3],
                                     words[4], words[5], words[6], words[7]};
        error = store_bytes(text, (size_t)length, copy);
    }
    if (error >= 0 && priority) {
        error = user_put(priority, &of, sizeof(of));
    }
    return error < 0 ? -EFAULT : length;
}

PERSONALITY_AGAIN(mq_timedreceive, PK_SLOT_MQ,
                  receive((int)a[0], (char *)a[1], a[2], (uint32_t *)a[3],
                          (const struct linux_timespec *)a[4]))

long linux_mq_timedreceive(int fd, char *text, size_t size, uint32_t *priority,
                           const struct linux_timespec *timeout) {
    return personality_try(mq_timedreceive, receive(fd, text, size, priority, timeout));
}

/* struct sigevent, the beginning. */
struct event {
    uint64_t value;
    int32_t signal, how;
};
#define EVENT_BYTES 64
#define COOKIE_BYTES 32
enum { EVENT_SIGNAL, EVENT_NONE, EVENT_THREAD };

long linux_mq_notify(uint64_t fd, uint64_t event) {
    union {
        struct event event;
        char bytes[EVENT_BYTES];
    } given = {{0}};
    if (event && program_read(&given, event, sizeof(given))) {
        return -EFAULT;
    }
    const struct event *e = &given.event;
    if (event && (e->how < EVENT_SIGNAL || e->how > EVENT_THREAD)) {
        return -EINVAL;
    }
    static const uint8_t hows[] = {MQ_NOTIFY_SIGNAL, MQ_NOTIFY_NONE, MQ_NOTIFY_THREAD};
    int how = event ? hows[e->how] : MQ_NOTIFY_REMOVE;
    bool thread = how == MQ_NOTIFY_THREAD; /* the value is where the cookie is */
    return mq_call(mq_notify(PK_SLOT_MQ, (int)fd, how, e->signal, e->value,
                             thread ? pointer(e->value) : NULL, thread ? COOKIE_BYTES : 0));
}

long linux_mq_getsetattr(uint64_t fd, uint64_t new, uint64_t old) {
    struct attributes a = {0};
    uint32_t was, flags = MQ_KEEP;
    int64_t maxmsg, msgsize, curmsgs;
    if (new &&program_read(&a, new, sizeof(a))) {
        return -EFAULT;
    }
    if (new && (a.flags & ~(int64_t)NONBLOCK)) {
        return -EINVAL;
    }
    if (new) {
        flags = (uint32_t)a.flags;
    }
    long error =
        mq_call(mq_attributes(PK_SLOT_MQ, (int)fd, flags, RDWR, &was, &maxmsg, &msgsize, &curmsgs));
    if (error < 0 || !old) {
        return error;
    }
    a = (struct attributes){.flags = was, .maxmsg = maxmsg, .msgsize = msgsize, .curmsgs = curmsgs};
    return program_write(old, &a, sizeof(a)) ? -EFAULT : 0;
}

long linux_mq_read(int fd, void *buffer, size_t length, int64_t offset) {
    return mq_call(mq_text(PK_SLOT_MQ, fd, offset, buffer, length));
}
