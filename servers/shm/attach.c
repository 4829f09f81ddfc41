/* SPDX-License-Identifier: MIT */
/* shmat(2): all that there is to do here is to give the client a capability. */
#include "shm.h"

/*
 * Ours goes as soon as the client has its own, and not with the next request, which would find the segment still if the
 * client has attached and detached it by then. If the client has died nobody has it.
 */
static long answer_once(struct request *req, uint64_t slot) {
    pk_may_fail(pk_reply(req->token, 0, &req->msg, 1));
    must(pk_cap_drop(0, slot));
    return SERVER_DEFER;
}

long shm_handle_at(struct request *req, int shmid, int flags) {
    struct client *client = request_client(req);
    struct segment *segment;
    unsigned mode = SYSV_READ, which = 0;
    if (!(flags & SHM_RDONLY)) {
        mode |= SYSV_WRITE;
        which |= SHM_CAP_WRITE;
    }
    if (flags & SHM_EXEC)
        mode |= 0111; /* else mprotect(2) may make it executable, for which Linux asks no more */
    long error = segment_find(shmid, client, mode, &segment);
    if (error < 0)
        return error;
    bool once;
    long slot = segment_cap(segment, which, &once);
    if (slot < 0)
        return slot;
    request_reply_cap(req, (uint64_t)slot);
    shm_results_at(&req->msg, segment_pages(segment) * SHM_PAGE);
    return once ? answer_once(req, (uint64_t)slot) : 0;
}
