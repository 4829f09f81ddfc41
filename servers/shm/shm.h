/* SPDX-License-Identifier: MIT */
/*
 * The shared memory server: System V segments, as shmget(2), shmop(2) and shmctl(2) say.
 *
 * Each segment is a memory object; shmat hands out a capability with just the rights asked for, and
 * the client maps it. How often a segment is attached the kernel knows: each region that maps the object is an
 * attachment, however it came (shmat, fork, a mapping that was parted) or goes (shmdt, munmap, exec, a process's end), and
 * so is a capability on its way to become one. The object is watched (object_watch in docs/kernel-interface.md): so the
 * kernel also knows who did the last of that, and says when a removed segment is nobody's any more.
 */
#ifndef SHM_SHM_H
#define SHM_SHM_H

#include <lib/sysv.h>
#include <protocol/shm_server.h>

#define SHM_PAGE 4096ul

/* Capabilities by what they allow besides reading and executing: bit 0 writing. */
#define SHM_CAP_WRITE 1u
#define SHM_CAPS 2u

struct segment {
    struct sysv_object sysv;
    uint64_t object;         /* the memory object, all rights */
    uint64_t caps[SHM_CAPS]; /* reduced ones to give away, made when first needed */
    uint64_t size;           /* as shmget had it */
    int64_t ctime;
    int cpid;
    uint32_t own;        /* references to the object that are this server's */
    struct list awaited; /* in shm_state.awaited, if its end comes with the last detachment */
    struct list created; /* in its maker's list, until that process ends */
    struct locker *locker;
};

/* A user who has locked segments. */
struct locker {
    struct hash_node node; /* by the user's id */
    uint64_t pages;
};

/* Segments whose last detachment is awaited, by the notification bit that tells of it. */
#define SHM_AWAITED_LISTS 60

/* Everything the server knows, in one place. */
struct shm_state {
    struct sysv_table table;
    uint64_t pages;       /* in all segments */
    uint64_t shmmax;      /* bytes of one */
    uint64_t shmall;      /* pages of all */
    uint64_t rmid_forced; /* 1: each is as if it were removed already (proc(5), shm_rmid_forced) */
    struct list awaited[SHM_AWAITED_LISTS];
    struct hash lockers;
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

/* 0 if it were too many. */
static inline uint64_t shm_pages(uint64_t size) {
    return (size + SHM_PAGE - 1) / SHM_PAGE;
}
static inline uint64_t segment_pages(const struct segment *segment) {
    return shm_pages(segment->size);
}

/* Makes a segment; returns its id or a negative errno. */
long segment_create(struct client *client, int key, uint64_t size, int flags);

/*
 * The slot of a capability that allows `which` (SHM_CAP_*), to be given away, or a negative errno. *once: it is for this
 * client alone, and to be dropped here when it is sent.
 */
long segment_cap(struct segment *segment, unsigned which, bool *once);

/* What the kernel knows of its object; how often that is attached is info.refs - segment->own. */
struct pk_object_info segment_info(const struct segment *segment);

/* IPC_RMID: frees the segment, or marks it to be freed at the last detachment. */
void segment_remove(struct segment *segment);

/* The bits of the lists in which some are nobody's any more. */
void segment_events(uint64_t bits);

/* A process ends, and is the maker of its segments no longer. */
void segment_maker_ended(struct client *client);

/* From now on, too, what is or becomes nobody's ends: looks through all segments. */
void segment_force(void);

/* SHM_LOCK; `limit`: bytes that the client may lock, RLIM_INFINITY for all. -ENOMEM. */
long segment_lock(struct segment *segment, const struct client *client, uint64_t limit);
void segment_unlock(struct segment *segment);

/* check.c: looks at all there is. */
void shm_check(void);

#endif
