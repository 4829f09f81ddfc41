/* SPDX-License-Identifier: MIT */
/* /proc/sys/fs/mqueue: the bounds, as on Linux (mq_overview(7), and ipc/mq_sysctl.c there). */
#include "mq.h"

static const struct {
    int64_t least, most;
} bounds[MQ_TUNABLES] = {
    [MQ_TUNABLE_MSG_DEFAULT] = {1, 65536},          [MQ_TUNABLE_MSG_MAX] = {1, 65536},
    [MQ_TUNABLE_MSGSIZE_DEFAULT] = {128, 16 << 20}, [MQ_TUNABLE_MSGSIZE_MAX] = {128, 16 << 20},
    [MQ_TUNABLE_QUEUES_MAX] = {0, INT32_MAX},
};

long mq_handle_tunable(struct request *req, int which, int64_t value) {
    (void)req;
    if (which < 0 || which >= MQ_TUNABLES ||
        (value >= 0 && (value < bounds[which].least || value > bounds[which].most)))
        return -EINVAL;
    int64_t old = mq_state.tunables[which];
    if (value >= 0)
        mq_state.tunables[which] = value;
    return old;
}
