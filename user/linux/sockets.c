/* SPDX-License-Identifier: MIT */
/*
 * Sockets. A call with one piece of bytes and nothing else is one message to the vfs server, whose buffer is the
 * program's. What is more than that (addresses, descriptors, several pieces) travels with its bytes in one buffer that
 * is put together here: on the stack if it is small, else in memory that is mapped for the call.
 */
#include "files.h"

#define SIGPIPE 13
#define ADDRESS_MOST 110 /* struct sockaddr_un */
#define STORAGE_MOST 128 /* struct sockaddr_storage: no address is longer */
#define VECTORS_MOST 1024
#define MSG_CTRUNC 0x8u
#define MSG_NOSIGNAL 0x4000u
#define SOL_SOCKET 1
#define SCM_RIGHTS 1
#define SCM_CREDENTIALS 2
#define RIGHTS_MOST 253
#define IDENTITY_BYTES 12     /* struct ucred */
#define SMALL 1024            /* bytes of a message that stands on the stack */
#define MESSAGE_MOST 0x40000u /* bytes of one message: no datagram is longer */

struct vector {
    uint64_t base;
    uint64_t length;
};

struct message {
    uint64_t name;
    uint32_t name_length;
    uint64_t vectors;
    uint64_t vector_count;
    uint64_t control;
    uint64_t control_length;
    uint32_t flags;
};
_Static_assert(sizeof(struct message) == 56, "struct msghdr");

struct control {
    uint64_t length;
    int32_t level;
    int32_t type;
};

/* ---- Names and connections ------------------------------------------------------------------- */

long linux_socket(uint64_t domain, uint64_t type, uint64_t protocol) {
    return VFS_CALL(vfs_socket(PK_SLOT_VFS, (int)domain, (uint32_t)type, (int)protocol));
}

long linux_socketpair(uint64_t domain, uint64_t type, uint64_t protocol, uint64_t descriptors) {
    return VFS_CALL(vfs_socket_pair(PK_SLOT_VFS, (int)domain, (uint32_t)type, (int)protocol,
                                    pointer(descriptors), 2 * sizeof(int32_t)));
}

long linux_bind(uint64_t fd, uint64_t address, uint64_t length) {
    return VFS_CALL(vfs_socket_bind(PK_SLOT_VFS, (int)fd, pointer(address), (uint32_t)length));
}

long linux_listen(uint64_t fd, uint64_t backlog) {
    return VFS_CALL(vfs_socket_listen(PK_SLOT_VFS, (int)fd, (int)backlog));
}

long linux_connect(uint64_t fd, uint64_t address, uint64_t length) {
    return VFS_CALL(vfs_socket_connect(PK_SLOT_VFS, (int)fd, pointer(address), (uint32_t)length));
}

/* The room that a program has for an address; -EFAULT, -EINVAL. */
static long read_room(uint64_t length_at, int32_t *room) {
    if (program_read(room, length_at, sizeof(*room))) {
        return -EFAULT;
    }
    return *room < 0 ? -EINVAL : 0;
}

static uint64_t shorter(uint64_t one, uint64_t other) {
    return one < other ? one : other;
}

long linux_accept4(uint64_t fd, uint64_t address, uint64_t length_at, uint64_t flags) {
    int32_t room = 0;
    uint32_t length = 0;
    long error = address ? read_room(length_at, &room) : 0;
    if (error) {
        return error;
    }
    long result = VFS_CALL(vfs_socket_accept(PK_SLOT_VFS, (int)fd, (uint32_t)flags,
                                             pointer(address), (uint32_t)room, &length));
    if (result >= 0 && address && program_write(length_at, &length, sizeof(length))) {
        pk_may_fail(vfs_close(PK_SLOT_VFS, (int)result)); /* it is open, and nobody can know */
        return -EFAULT;
    }
    return result;
}

long linux_accept(uint64_t fd, uint64_t address, uint64_t length_at) {
    return linux_accept4(fd, address, length_at, 0);
}

static long name_of(uint64_t fd, int peer, uint64_t address, uint64_t length_at) {
    int32_t room;
    long error = read_room(length_at, &room);
    if (error) {
        return linux_check_descriptor((int)fd) ? -EBADF : error;
    }
    long length =
        VFS_CALL(vfs_socket_name(PK_SLOT_VFS, (int)fd, peer, pointer(address), (uint32_t)room));
    int32_t told = (int32_t)length;
    return length < 0 ? length : program_write(length_at, &told, sizeof(told)) ? -EFAULT : 0;
}

long linux_getsockname(uint64_t fd, uint64_t address, uint64_t length_at) {
    return name_of(fd, 0, address, length_at);
}

long linux_getpeername(uint64_t fd, uint64_t address, uint64_t length_at) {
    return name_of(fd, 1, address, length_at);
}

long linux_shutdown(uint64_t fd, uint64_t how) {
    return VFS_CALL(vfs_socket_shutdown(PK_SLOT_VFS, (int)fd, (int)how));
}

long linux_getsockopt(uint64_t fd, uint64_t level, uint64_t name, uint64_t value,
                      uint64_t length_at) {
    int32_t room;
    long error = read_room(length_at, &room);
    if (error) {
        return linux_check_descriptor((int)fd) ? -EBADF : error;
    }
    long length = VFS_CALL(vfs_socket_get_option(PK_SLOT_VFS, (int)fd, (int)level, (int)name,
                                                 pointer(value), (uint32_t)room));
    int32_t told = (int32_t)length;
    return length < 0 ? length : program_write(length_at, &told, sizeof(told)) ? -EFAULT : 0;
}

long linux_setsockopt(uint64_t fd, uint64_t level, uint64_t name, uint64_t value, uint64_t length) {
    if ((int)length < 0) {
        return -EINVAL;
    }
    return VFS_CALL(vfs_socket_set_option(PK_SLOT_VFS, (int)fd, (int)level, (int)name,
                                          pointer(value), (uint32_t)length));
}

/* ---- Pieces ---------------------------------------------------------------------------------- */

/* Memory for a message that is put together: SMALL bytes on the caller's stack, or mapped. */
struct scratch {
    uint8_t *bytes;
    uint64_t mapped; /* bytes; 0: it is the stack's */
};

static long scratch_get(struct scratch *scratch, uint8_t *small, uint64_t size) {
    scratch->bytes = small;
    scratch->mapped = 0;
    if (size <= SMALL) {
        return 0;
    }
    size = (size + PROGRAM_PAGE - 1) & ~(PROGRAM_PAGE - 1);
    long at = pk_map(0, 0, size, PK_PROT_READ | PK_PROT_WRITE, 0, 0, 0);
    if (at < 0) {
        return -ENOMEM;
    }
    scratch->bytes = pointer((uint64_t)at);
    scratch->mapped = size;
    return 0;
}

static void scratch_put(const struct scratch *scratch) {
    if (scratch->mapped) {
        must(pk_unmap(0, (uint64_t)(uintptr_t)scratch->bytes, scratch->mapped));
    }
}

/* The sum of a message's pieces, or -EMSGSIZE, -EINVAL, -EFAULT; `one` is the only one that is not empty, if it is so. */
static long total_of(const struct message *message, struct vector *one, bool *is_one) {
    uint64_t total = 0;
    int used = 0;
    *one = (struct vector){0, 0};
    if (message->vector_count > VECTORS_MOST) {
        return -EMSGSIZE;
    }
    for (uint64_t i = 0; i < message->vector_count; i++) {
        struct vector vector;
        if (program_read(&vector, message->vectors + i * sizeof(vector), sizeof(vector))) {
            return -EFAULT;
        }
        if (vector.length > INT64_MAX - total) {
            return -EINVAL;
        }
        total += vector.length;
        if (vector.length > 0) {
            *one = vector;
            used++;
        }
    }
    *is_one = used <= 1;
    return (long)total;
}

/* Copies between a message's pieces and one run of bytes. */
static long copy_pieces(const struct message *message, uint8_t *bytes, uint64_t length,
                        bool gather) {
    uint64_t done = 0;
    for (uint64_t i = 0; i < message->vector_count && done < length; i++) {
        struct vector vector;
        if (program_read(&vector, message->vectors + i * sizeof(vector), sizeof(vector))) {
            return -EFAULT;
        }
        uint64_t count = shorter(vector.length, length - done);
        if (count == 0) {
            continue; /* its address may be anything */
        }
        long error = gather ? program_read(bytes + done, vector.base, count)
                            : program_write(vector.base, bytes + done, count);
        if (error) {
            return -EFAULT;
        }
        done += count;
    }
    return 0;
}

/* ---- Sending --------------------------------------------------------------------------------- */

static long sent(long result, uint64_t flags) {
    if (result == -EPIPE && !(flags & MSG_NOSIGNAL)) {
        personality_raise(SIGPIPE);
    }
    return result;
}

static long send_plain(uint64_t fd, uint64_t bytes, uint64_t length, uint64_t flags) {
    return sent(
        VFS_CALL(vfs_socket_send(PK_SLOT_VFS, (int)fd, (uint32_t)flags, pointer(bytes), length)),
        flags);
}

/* What the control messages say: struct ucred and descriptors, as the server wants them. */
struct extras {
    bool identity;
    uint32_t count;
    uint8_t ucred[IDENTITY_BYTES];
    int32_t descriptors[RIGHTS_MOST];
};

static long read_control(const struct control *header, uint64_t at, struct extras *extras) {
    uint64_t length = header->length - sizeof(*header);
    if (header->type == SCM_CREDENTIALS) {
        if (length != IDENTITY_BYTES) {
            return -EINVAL;
        }
        extras->identity = true;
        return program_read(extras->ucred, at, length);
    }
    uint64_t count = length / sizeof(int32_t);
    if (header->type != SCM_RIGHTS || count > RIGHTS_MOST - extras->count) {
        return -EINVAL;
    }
    long error = program_read(extras->descriptors + extras->count, at, count * sizeof(int32_t));
    extras->count += (uint32_t)count;
    return error;
}

static long read_controls(const struct message *message, struct extras *extras) {
    uint64_t at = 0;
    extras->identity = false;
    extras->count = 0;
    while (message->control_length - at >= sizeof(struct control)) {
        struct control header;
        uint64_t left = message->control_length - at;
        if (program_read(&header, message->control + at, sizeof(header))) {
            return -EFAULT;
        }
        if (header.length < sizeof(header) || header.length > left) {
            return -EINVAL;
        }
        if (header.level == SOL_SOCKET) {
            long error = read_control(&header, message->control + at + sizeof(header), extras);
            if (error) {
                return error;
            }
        }
        uint64_t step = (header.length + 7) & ~7ul;
        if (step >= left) {
            break;
        }
        at += step;
    }
    return 0;
}

/* All in one buffer: identity, descriptors, name, bytes. */
static long put_together(const struct message *message, const struct extras *extras,
                         uint64_t length, uint8_t *bytes) {
    if (extras->identity) {
        memcpy(bytes, extras->ucred, IDENTITY_BYTES);
        bytes += IDENTITY_BYTES;
    }
    memcpy(bytes, extras->descriptors, extras->count * sizeof(int32_t));
    bytes += extras->count * sizeof(int32_t);
    if (message->name_length > 0 && program_read(bytes, message->name, message->name_length)) {
        return -EFAULT;
    }
    return copy_pieces(message, bytes + message->name_length, length, true);
}

static long send_together(uint64_t fd, const struct message *message, const struct extras *extras,
                          uint64_t length, uint64_t flags) {
    uint8_t small[SMALL];
    struct scratch scratch;
    uint64_t size = (extras->identity ? IDENTITY_BYTES : 0) + extras->count * sizeof(int32_t) +
                    message->name_length + length;
    long error = scratch_get(&scratch, small, size);
    if (error) {
        return error;
    }
    error = put_together(message, extras, length, scratch.bytes);
    long result = error ? error
                        : VFS_CALL(vfs_socket_send_message(PK_SLOT_VFS, (int)fd, (uint32_t)flags,
                                                           message->name_length, extras->count,
                                                           extras->identity, scratch.bytes, size));
    scratch_put(&scratch);
    return sent(result, flags);
}

static __attribute__((noinline)) long send_message(uint64_t fd, const struct message *message,
                                                   uint64_t flags) {
    struct extras extras;
    struct vector one;
    bool is_one = false;
    long total = total_of(message, &one, &is_one);
    if (total < 0) {
        return total;
    }
    long error = read_controls(message, &extras);
    if (error) {
        return error;
    }
    if (is_one && !extras.identity && extras.count == 0 && message->name_length == 0) {
        return send_plain(fd, one.base, (uint64_t)total, flags);
    }
    /* Of a stream what is too much for one message is sent by another call, as after any short write. */
    return send_together(fd, message, &extras, shorter((uint64_t)total, MESSAGE_MOST), flags);
}

static long read_message(uint64_t address, struct message *message) {
    if (program_read(message, address, sizeof(*message))) {
        return -EFAULT;
    }
    message->name_length = message->name ? message->name_length : 0;
    message->control_length = message->control ? message->control_length : 0;
    return (int32_t)message->name_length < 0 ? -EINVAL : 0;
}

long linux_sendmsg(uint64_t fd, uint64_t address, uint64_t flags) {
    struct message message;
    long error = read_message(address, &message);
    if (!error && message.name_length > STORAGE_MOST) {
        message.name_length = STORAGE_MOST;
    }
    return error ? error : send_message(fd, &message, flags);
}

long linux_sendto(uint64_t fd, uint64_t bytes, uint64_t length, uint64_t flags, uint64_t address,
                  uint64_t address_length) {
    if (!address) {
        return send_plain(fd, bytes, length, flags);
    }
    if (address_length > STORAGE_MOST) {
        return -EINVAL;
    }
    struct vector vector = {bytes, length};
    struct message message = {.name = address,
                              .name_length = (uint32_t)address_length,
                              .vectors = (uint64_t)(uintptr_t)&vector,
                              .vector_count = 1};
    return send_message(fd, &message, flags);
}

/* ---- Receiving ------------------------------------------------------------------------------- */

static long receive_plain(uint64_t fd, uint64_t bytes, uint64_t length, uint64_t flags) {
    return VFS_CALL(
        vfs_socket_receive(PK_SLOT_VFS, (int)fd, (uint32_t)flags, pointer(bytes), length));
}

/* One control message behind what there is; false if there is no room for all of it. */
static bool put_control(struct message *message, uint64_t *used, int32_t type, const void *data,
                        uint64_t length) {
    struct control header = {sizeof(header) + length, SOL_SOCKET, type};
    uint64_t room = message->control_length - *used;
    if (room < sizeof(header)) {
        return false;
    }
    bool whole = room >= header.length;
    header.length = whole ? header.length : room;
    uint64_t at = message->control + *used;
    if (program_write(at, &header, sizeof(header)) ||
        program_write(at + sizeof(header), data, header.length - sizeof(header))) {
        return false;
    }
    *used += shorter((header.length + 7) & ~7ul, room);
    return whole;
}

/* Descriptors that cannot be told of are closed: the server has given as many as there is room for. */
static void put_controls(struct message *message, const struct vfs_received *received) {
    uint64_t used = 0;
    const int32_t identity[3] = {received->pid, (int32_t)received->uid, (int32_t)received->gid};
    message->flags = received->flags;
    if (received->identity &&
        !put_control(message, &used, SCM_CREDENTIALS, identity, sizeof(identity))) {
        message->flags |= MSG_CTRUNC;
    }
    if (received->count > 0 && !put_control(message, &used, SCM_RIGHTS, received->descriptors,
                                            received->count * sizeof(int32_t))) {
        message->flags |= MSG_CTRUNC;
        for (uint32_t i = 0; i < received->count; i++) {
            pk_may_fail(vfs_close(PK_SLOT_VFS, received->descriptors[i]));
        }
    }
    message->control_length = used;
}

/* With all that comes with the bytes; *length of the address is what it has. */
static __attribute__((noinline)) long receive_message(uint64_t fd, struct message *message,
                                                      uint64_t total, uint64_t flags) {
    uint64_t small[SMALL / sizeof(uint64_t)];
    struct scratch scratch;
    uint64_t room = shorter(total, MESSAGE_MOST);
    uint64_t size = sizeof(struct vfs_received) + room;
    long error = scratch_get(&scratch, (uint8_t *)small, size);
    if (error) {
        return error;
    }
    struct vfs_received *received = (struct vfs_received *)(void *)scratch.bytes;
    long result = VFS_CALL(vfs_socket_receive_message(PK_SLOT_VFS, (int)fd, (uint32_t)flags,
                                                      message->control_length, received, size));
    if (result >= 0) {
        uint64_t came = shorter((uint64_t)result, room);
        uint64_t name = shorter(message->name_length, received->name_length);
        put_controls(message, received);
        if (copy_pieces(message, scratch.bytes + sizeof(*received), came, false) ||
            (name > 0 && program_write(message->name, received->name, name))) {
            result = -EFAULT;
        }
        message->name_length = received->name_length;
    }
    scratch_put(&scratch);
    return result;
}

long linux_recvmsg(uint64_t fd, uint64_t address, uint64_t flags) {
    struct message message;
    struct vector one;
    bool is_one = false;
    long error = read_message(address, &message);
    long total = error ? error : total_of(&message, &one, &is_one);
    if (total < 0) {
        return total;
    }
    uint64_t name_at = message.name;
    long result = receive_message(fd, &message, (uint64_t)total, flags);
    if (result < 0) {
        return result;
    }
    message.name_length = name_at ? message.name_length : 0;
    uint64_t at = address + offsetof(struct message, name_length);
    if (program_write(at, &message.name_length, sizeof(message.name_length)) ||
        program_write(address + offsetof(struct message, control_length), &message.control_length,
                      sizeof(message.control_length)) ||
        program_write(address + offsetof(struct message, flags), &message.flags,
                      sizeof(message.flags))) {
        return -EFAULT;
    }
    return result;
}

long linux_recvfrom(uint64_t fd, uint64_t bytes, uint64_t length, uint64_t flags, uint64_t address,
                    uint64_t length_at) {
    int32_t room;
    if (!address) {
        return receive_plain(fd, bytes, length, flags);
    }
    long error = read_room(length_at, &room);
    if (error) {
        return error;
    }
    struct vector vector = {bytes, length};
    struct message message = {.name = address,
                              .name_length = (uint32_t)room,
                              .vectors = (uint64_t)(uintptr_t)&vector,
                              .vector_count = 1};
    long result = receive_message(fd, &message, length, flags);
    if (result >= 0 &&
        program_write(length_at, &message.name_length, sizeof(message.name_length))) {
        return -EFAULT;
    }
    return result;
}
