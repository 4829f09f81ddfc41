/* SPDX-License-Identifier: MIT */
/* /proc/sys/fs/mqueue: the limits, and within what they can be set, as on Linux (mq_overview(7), ipc/mq_sysctl.c there). */
#include "mq.h"

static const struct {
    int64_t least, most;
} bounds[MQ_SETTINGS] = {
    [MQ_SETTING_MSG_DEFAULT] = {1, HARD_MAXMSG},
    [MQ_SETTING_MSG_MAX] = {1, HARD_MAXMSG},
    [MQ_SETTING_MSGSIZE_DEFAULT] = {128, HARD_MSGSIZE},
    [MQ_SETTING_MSGSIZE_MAX] = {128, HARD_MSGSIZE},
    [MQ_SETTING_QUEUES_MAX] = {INT32_MIN, INT32_MAX},
};

long mq_handle_setting(struct request *req, uint32_t which, int set, uint64_t value) {
    int64_t wanted = (int64_t)value;
    if (which >= MQ_SETTINGS ||
        (set && (wanted < bounds[which].least || wanted > bounds[which].most)))
        return -EINVAL;
    if (set)
        mq_state.settings[which] = wanted;
    mq_results_setting(&req->msg, (uint64_t)mq_state.settings[which]);
    return 0;
}
