/* SPDX-License-Identifier: MIT */
/*
 * The bytes of a pipe: callers to ring to callers.
 *
 * Once somebody writes packets (pipe2(2): O_DIRECT), all that is put into the ring gets a header, until the ring is
 * empty again; what was in it before counts as one frame that is no packet.
 */
#include "pipe.h"

#include <string.h>

#define FRAMES_AT_ONCE 32 /* what one read takes at most of frames, which may be short */

struct frame_header {
    uint32_t length;
    uint32_t packet;
};

#define HEADER ((uint32_t)sizeof(struct frame_header))

/* Ring to caller; 0, or -EFAULT with nothing taken. */
static long copy_out(struct pipe *pipe, uint64_t token, uint64_t offset, uint64_t count) {
    struct ring_span span[2];
    int pieces = ring_filled(&pipe->ring, (size_t)count, span);
    for (int i = 0; i < pieces; i++) {
        long copied = pk_copy_to_caller(token, offset, span[i].at, span[i].length);
        if (copied < 0) {
            return copied;
        }
        offset += (uint64_t)copied;
    }
    ring_take(&pipe->ring, (size_t)count);
    return 0;
}

/* Caller to ring, which has room; 0, or a negative errno with nothing put. */
static long copy_in(struct pipe *pipe, uint64_t token, uint64_t offset, uint64_t count) {
    struct ring_span span[2];
    int pieces = ring_free(&pipe->ring, (size_t)count, span);
    for (int i = 0; i < pieces; i++) {
        long copied = pk_copy_from_caller(token, offset, span[i].at, span[i].length);
        if (copied < 0) {
            return copied;
        }
        offset += (uint64_t)copied;
    }
    ring_put(&pipe->ring, (size_t)count);
    return 0;
}

/* ---- Frames ---------------------------------------------------------------------------------- */

static struct frame_header next_header(const struct pipe *pipe) {
    struct frame_header header;
    struct ring_span span[2];
    int pieces = ring_filled(&pipe->ring, HEADER, span);
    uint8_t *to = (uint8_t *)&header;
    for (int i = 0; i < pieces; i++) {
        memcpy(to, span[i].at, span[i].length);
        to += span[i].length;
    }
    return header;
}

static void put_header(struct pipe *pipe, struct frame_header header) {
    struct ring_span span[2];
    int pieces = ring_free(&pipe->ring, HEADER, span);
    const uint8_t *from = (const uint8_t *)&header;
    for (int i = 0; i < pieces; i++) {
        memcpy(span[i].at, from, span[i].length);
        from += span[i].length;
    }
    ring_put(&pipe->ring, HEADER);
    pipe->header_bytes += HEADER;
}

/* The frame behind the one that has ended begins; false if there is none, or a packet while only others are wanted. */
static bool begin_frame(struct pipe *pipe, bool packet_too) {
    if (ring_used(&pipe->ring) == 0) {
        return false;
    }
    struct frame_header header = next_header(pipe);
    if (header.packet && !packet_too) {
        return false;
    }
    ring_take(&pipe->ring, HEADER);
    pipe->header_bytes -= HEADER;
    pipe->frame_left = header.length;
    pipe->frame_is_packet = header.packet;
    return true;
}

/* Up to the end of a packet, whose rest is lost, or of what there is. */
static long give_frames(struct pipe *pipe, uint64_t token, uint64_t length) {
    uint64_t done = 0;
    for (int i = 0; i < FRAMES_AT_ONCE && done < length; i++) {
        if (pipe->frame_left == 0 && !begin_frame(pipe, done == 0)) {
            break;
        }
        uint64_t left = pipe->frame_left;
        uint64_t count = length - done < left ? length - done : left;
        long error = copy_out(pipe, token, done, count);
        if (error) {
            return done > 0 ? (long)done : error;
        }
        done += count;
        pipe->frame_left -= (uint32_t)count;
        if (pipe->frame_is_packet) {
            ring_take(&pipe->ring, pipe->frame_left);
            pipe->frame_left = 0;
            break;
        }
    }
    pipe->framed = ring_used(&pipe->ring) > 0;
    return (long)done;
}

/* However little a pipe may hold (fcntl(2): F_SETPIPE_SZ), an empty one takes a packet. */
static uint64_t frame_room(const struct ring *ring) {
    uint64_t room = ring_room(ring);
    if (room == PIPE_ATOMIC && ring_used(ring) == 0) {
        return room;
    }
    return room > HEADER ? room - HEADER : 0;
}

/* One frame; bytes, 0 if it has no room, or a negative errno. */
static long take_frame(struct pipe *pipe, uint64_t token, uint64_t offset, uint64_t length,
                       bool packets) {
    uint64_t room = frame_room(&pipe->ring);
    uint64_t whole = packets && length > PIPE_ATOMIC ? PIPE_ATOMIC : length;
    bool divisible = !packets && offset + length > PIPE_ATOMIC;
    uint64_t count = whole <= room ? whole : divisible ? room : 0;
    if (count == 0) {
        return 0;
    }
    if (!ring_reserve(&pipe->ring, (size_t)count + HEADER)) {
        return -ENOMEM;
    }
    uint32_t before = pipe->ring.tail;
    put_header(pipe, (struct frame_header){(uint32_t)count, packets});
    long error = copy_in(pipe, token, offset, count);
    if (error) {
        pipe->ring.tail = before;
        pipe->header_bytes -= HEADER;
    }
    return error ? error : (long)count;
}

static long take_frames(struct pipe *pipe, uint64_t token, uint64_t offset, uint64_t length,
                        bool packets) {
    uint64_t done = 0;
    if (!pipe->framed) {
        pipe->framed = true;
        pipe->frame_left = (uint32_t)ring_used(&pipe->ring);
        pipe->frame_is_packet = false;
    }
    while (done < length) {
        long taken = take_frame(pipe, token, offset + done, length - done, packets);
        if (taken <= 0) {
            return done > 0 ? (long)done : taken;
        }
        done += (uint64_t)taken;
    }
    return (long)done;
}

/* ---- Bytes ----------------------------------------------------------------------------------- */

long pipe_give(struct pipe *pipe, uint64_t token, uint64_t length) {
    if (pipe->framed) {
        return give_frames(pipe, token, length);
    }
    size_t used = ring_used(&pipe->ring);
    uint64_t count = length < used ? length : used;
    long error = copy_out(pipe, token, 0, count);
    return error ? error : (long)count;
}

long pipe_take(struct pipe *pipe, uint64_t token, uint64_t offset, uint64_t length, bool packets) {
    if (packets || pipe->framed) {
        return take_frames(pipe, token, offset, length, packets);
    }
    uint64_t room = ring_room(&pipe->ring);
    uint64_t count = length < room ? length : room;
    if (length > room && offset + length <= PIPE_ATOMIC) {
        return 0;
    }
    if (count > 0 && !ring_reserve(&pipe->ring, (size_t)count)) {
        return -ENOMEM;
    }
    long error = copy_in(pipe, token, offset, count);
    return error ? error : (long)count;
}

long pipe_copy(struct pipe *from, struct pipe *to, uint64_t length) {
    struct ring_span spans[2];
    uint64_t count = ring_used(&from->ring) < length ? ring_used(&from->ring) : length;
    count = count < ring_room(&to->ring) ? count : ring_room(&to->ring);
    if (count == 0) {
        return -EAGAIN;
    }
    if (!ring_reserve(&to->ring, (size_t)count)) {
        return -ENOMEM;
    }
    int pieces = ring_filled(&from->ring, (size_t)count, spans);
    for (int i = 0; i < pieces; i++) {
        struct ring_span into[2];
        const uint8_t *at = spans[i].at;
        int parts = ring_free(&to->ring, spans[i].length, into);
        for (int j = 0; j < parts; at += into[j++].length) {
            memcpy(into[j].at, at, into[j].length);
        }
        ring_put(&to->ring, spans[i].length);
    }
    return (long)count;
}
