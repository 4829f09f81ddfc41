/* SPDX-License-Identifier: MIT */
/*
 * The shared memory server: System V segments, as shmget(2), shmop(2) and shmctl(2) say.
 *
 * Each segment is a memory object; shmat hands out a capability with just the rights asked for, and
 * the client maps it. Invariants: a segment's nattch is the sum of its attachments' counts; a
 * segment that was removed (SHM_DEST) lives exactly as long as nattch is not 0.
 */
#ifndef SHM_SHM_H
#define SHM_SHM_H

#include <lib/sysv.h>
#include <protocol/shm_server.h>

#define SHM_PAGE 4096ul

/* Capabilities by what they allow besides reading: bit 0 writing, bit 1 executing. */
#define SHM_CAP_WRITE 1u
#define SHM_CAP_EXEC 2u
#define SHM_CAPS 4u

struct segment {
    struct sysv_object sysv;
    uint64_t object;         /* the memory object, all rights */
    uint64_t caps[SHM_CAPS]; /* reduced ones to give away, made when first needed */
    uint64_t size;           /* as shmget had it */
    uint64_t nattch;
    int64_t atime, dtime, ctime;
    int cpid, lpid;
};

/* How often one process has one segment attached; never 0 times. */
struct attachment {
    struct hash_node node;   /* by process and segment */
    struct list client_link; /* in the process's list: client->data is its head */
    struct segment *segment;
    uint64_t count;
};

/* Everything the server knows, in one place. */
struct shm_state {
    struct sysv_table table;
    struct hash attachments;
    uint64_t pages; /* in all segments */
};
extern struct shm_state shm_state;
extern const struct server shm_server;

/* Finds a segment and checks permission; 0 and *segment, or a negative errno. */
static inline long segment_find(int shmid, const struct client *client, unsigned mode,
                                struct segment **segment) {
    void *object;
    if (!client)
        return -EBADF;
    long error = idtable_find(&shm_state.table.ids, shmid, &object);
    if (error < 0)
        return error;
    *segment = container_of(object, struct segment, sysv);
    return sysv_access(&(*segment)->sysv, client, mode);
}

static inline uint64_t segment_pages(const struct segment *segment) {
    return (segment->size + SHM_PAGE - 1) / SHM_PAGE;
}

/* Makes a segment; returns its id or a negative errno. */
long segment_create(const struct client *client, int key, uint64_t size, int flags);

/* The slot of a capability that allows `which` (SHM_CAP_*), or a negative errno. */
long segment_cap(struct segment *segment, unsigned which);

/* IPC_RMID: frees the segment, or marks it to be freed at the last detachment. */
void segment_remove(struct segment *segment);

/* One attachment less; frees a removed segment at the last one. */
void segment_detach(struct segment *segment, uint64_t count, int pid);

/* Session hooks: a client's list of attachments. */
long attach_client_connected(struct client *client);
long attach_client_forked(struct client *parent, struct client *child);
void attach_client_execed(struct client *client);
void attach_client_exited(struct client *client);

#endif
