/* SPDX-License-Identifier: MIT */
/* What a thread says is to be done at its end: set_tid_address(2), get_robust_list(2). */
#include "personality.h"
#include <protocol/proc_client.h>

/* A program's first thread sets it once and seldom ends before others, so it is told only then. */
long linux_set_tid_address(uint64_t address, long a1, long a2, long a3, long a4, long a5,
                           const struct foreign_frame *f) {
    (void)a1, (void)a2, (void)a3, (void)a4, (void)a5;
    if (frame_tid(f) == frame_pid(f))
        state.clear_tid = address;
    else
        pk_may_fail(proc_set_thread(PK_SLOT_PROC, PROC_THREAD_CLEAR_TID, address));
    return frame_tid(f);
}

#define ROBUST_HEAD_SIZE 24

/* It is in the thread's seat. A fork's sets the same again: no page is to be copied for that. */
long linux_set_robust_list(uint64_t head, uint64_t size, long a2, long a3, long a4, long a5,
                           const struct foreign_frame *f) {
    (void)a2, (void)a3, (void)a4, (void)a5;
    struct personality_seat *seat = seat_of(f->word);
    if (size != ROBUST_HEAD_SIZE)
        return -EINVAL;
    if (!seat)
        return proc_set_thread(PK_SLOT_PROC, PROC_THREAD_ROBUST, head);
    if (seat->robust != head)
        seat->robust = head;
    return 0;
}

long linux_get_robust_list(int tid, uint64_t *head, uint64_t *size, long a3, long a4, long a5,
                           const struct foreign_frame *f) {
    (void)a3, (void)a4, (void)a5;
    static const uint64_t head_size = ROBUST_HEAD_SIZE;
    uint64_t address;
    long error = proc_robust_list(PK_SLOT_PROC, tid ? tid : frame_tid(f), &address);
    if (error < 0)
        return error;
    if (user_put(size, &head_size, sizeof head_size) < 0 ||
        user_put(head, &address, sizeof address) < 0)
        return -EFAULT;
    return 0;
}
