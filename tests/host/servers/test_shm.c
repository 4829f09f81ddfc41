/* SPDX-License-Identifier: MIT */
/* The shared memory server: the manual page's cases, and random runs against counts by hand. */
#include "kernel.h"
#include <setjmp.h>
#include <shm/shm.h>
#include <stdarg.h>
#include <cmocka.h>
#include "model.h"
#include <stdlib.h>
#include <string.h>

static int setup(void **state) {
    (void)state;
    mock_start(&shm_server);
    mock_connect(1, 100, 100);
    mock_connect(2, 200, 200);
    mock_connect(3, 0, 0);
    return 0;
}

static int teardown(void **state) {
    (void)state;
    for (int pid = 1; pid <= 3; pid++)
        mock_exit(pid);
    assert_int_equal(shm_state.table.ids.used, 0);
    assert_int_equal(shm_state.lockers.count, 0);
    assert_int_equal(shm_state.pages, 0);
    assert_int_equal(mock_slots, 0);
    return 0;
}

static long get(int pid, int key, uint64_t size, int flags) {
    return mock_call((uint64_t)pid, SHM_LABEL_GET, WORDS((uint64_t)key, size, (uint64_t)flags), 0,
                     0, 0, 0);
}
static long one_word(int pid, uint64_t label, int id) {
    return mock_call((uint64_t)pid, label, WORDS((uint64_t)id), 0, 0, 0, 0);
}
static long shm_remove(int pid, int id) {
    return one_word(pid, SHM_LABEL_REMOVE, id);
}
/* Attaches: `rights` gets what the capability allows, `size` what may be mapped, `mapped` the object. */
static uint64_t rights, size;
static struct mock_object *mapped;
static long at(int pid, int id, int flags) {
    struct call call;
    mock_send(&call, pid, SHM_LABEL_AT, WORDS((uint64_t)id, (uint64_t)flags), 0, 0, 0, 0);
    assert_true(call.answered);
    if (call.result >= 0) {
        assert_int_equal(call.reply_caps, 1);
        rights = call.rights;
        size = call.reply.w[0];
        mapped = call.object;
        mock_map(&call);
    }
    return call.result;
}
static long stat_of(int id, struct shmid64_ds *ds) {
    return mock_call(3, SHM_LABEL_STAT, WORDS((uint64_t)id, IPC_STAT), 0, 0, ds, sizeof(*ds));
}

static void test_get(void **state) {
    (void)state;
    assert_int_equal(get(1, 4, 100, 0600), -ENOENT);
    assert_int_equal(get(1, 4, 0, IPC_CREAT | 0600), -EINVAL);
    assert_int_equal(get(1, 4, 1ull << 50, IPC_CREAT | 0600), -ENOMEM);
    assert_int_equal(get(1, 4, ~0ull, IPC_CREAT | 0600), -EINVAL);
    int id = (int)get(1, 4, 5000, IPC_CREAT | 0600);
    assert_true(id >= 0);
    assert_int_equal(get(1, 4, 5001, 0600), -EINVAL);
    assert_int_equal(get(1, 4, 0, 0600), id);
    assert_int_equal(get(2, 4, 100, 0400), -EACCES);
    assert_int_equal(shm_remove(2, id), -EPERM);
    assert_int_equal(shm_remove(1, id), 0);
    assert_int_equal(at(1, id, 0), -EINVAL);
}

static void test_rights(void **state) {
    (void)state;
    int id = (int)get(1, IPC_PRIVATE, 5000, 0644);
    assert_int_equal(at(1, id, 0), 0);
    assert_int_equal(size, 8192);
    assert_int_equal(rights, PK_RIGHT_USE | PK_RIGHT_RECEIVE | PK_RIGHT_GRANT | PK_RIGHT_EXECUTE);
    assert_int_equal(at(2, id, 0), -EACCES);
    assert_int_equal(at(2, id, SHM_RDONLY), 0);
    assert_int_equal(rights, PK_RIGHT_USE | PK_RIGHT_GRANT | PK_RIGHT_EXECUTE);
    assert_int_equal(at(1, id, SHM_EXEC), -EACCES);
    assert_int_equal(at(3, id, SHM_EXEC), 0);
    assert_int_equal(rights, PK_RIGHT_USE | PK_RIGHT_RECEIVE | PK_RIGHT_GRANT | PK_RIGHT_EXECUTE);
    for (int pid = 1; pid <= 3; pid++)
        mock_unmap(mapped, pid);
    shm_remove(1, id);
}

static void test_removed_but_attached(void **state) {
    (void)state;
    struct shmid64_ds ds;
    int id = (int)get(1, 8, 4096, IPC_CREAT | 0666);
    assert_int_equal(at(1, id, 0), 0);
    assert_int_equal(at(1, id, 0), 0);
    mock_map_again(mapped, 1);
    mock_map_again(mapped, 5);
    assert_int_equal(stat_of(id, &ds), 0);
    assert_int_equal(ds.shm_nattch, 4);
    assert_int_equal(ds.shm_segsz, 4096);
    assert_int_equal(ds.shm_cpid, 1);
    assert_int_equal(ds.shm_lpid, 5);
    assert_int_equal(shm_remove(1, id), 0);
    assert_int_equal(get(1, 8, 4096, 0), -ENOENT);
    assert_int_equal(stat_of(id, &ds), 0);
    assert_true(ds.shm_perm.mode & SHM_DEST);
    assert_int_equal(shm_remove(1, id), 0);
    assert_int_equal(at(2, id, SHM_RDONLY),
                     0); /* another capability is made while the last one's end is awaited */
    mock_unmap(mapped, 1);
    mock_unmap(mapped, 1);
    mock_advance(2000000000);
    mock_unmap(mapped, 2);
    assert_int_equal(stat_of(id, &ds), 0);
    assert_int_equal(ds.shm_nattch, 2);
    assert_int_equal(ds.shm_lpid, 2);
    assert_int_equal(ds.shm_dtime, ds.shm_ctime + 2);
    mock_unmap(mapped, 1);
    mock_unmap(mapped, 5);
    assert_int_equal(stat_of(id, &ds), -EINVAL);
}

static long lock(int pid, int id, uint64_t limit) {
    return mock_call((uint64_t)pid, SHM_LABEL_LOCK, WORDS((uint64_t)id, SHM_LOCK, limit), 0, 0, 0,
                     0);
}

static void test_control(void **state) {
    (void)state;
    struct shmid64_ds ds;
    struct shm_use usage;
    struct shminfo64 limits;
    int id = (int)get(1, 8, 5000, IPC_CREAT | 0600);
    assert_int_equal(lock(2, id, 1 << 20), -EPERM);
    assert_int_equal(lock(1, id, 0), -EPERM);
    assert_int_equal(lock(1, id, 8191), -ENOMEM);
    assert_int_equal(lock(1, id, 8192), 0);
    assert_int_equal(lock(1, id, 8192), 0);
    int other = (int)get(1, IPC_PRIVATE, 4096, 0600);
    assert_int_equal(lock(1, other, 8192), -ENOMEM);
    assert_int_equal(lock(3, other, 0), 0);
    assert_int_equal(shm_remove(1, other), 0);
    assert_int_equal(stat_of(id, &ds), 0);
    assert_int_equal(ds.shm_perm.mode, 0600 | SHM_LOCKED);
    ds.shm_perm.gid = 200;
    ds.shm_perm.mode = 0060;
    assert_int_equal(mock_call(1, SHM_LABEL_SET, WORDS((uint64_t)id), &ds, sizeof(ds), 0, 0), 0);
    assert_int_equal(at(2, id, 0), 0);
    assert_int_equal(at(1, id, 0), -EACCES);
    assert_int_equal(mock_call(1, SHM_LABEL_USAGE, 0, 0, 0, 0, &usage, sizeof(usage)), id % 32768);
    assert_int_equal(usage.used_ids, 1);
    assert_int_equal(usage.shm_tot, 2);
    assert_int_equal(usage.shm_rss, 1);
    assert_int_equal(mock_call(1, SHM_LABEL_LIMITS, 0, 0, 0, 0, &limits, sizeof(limits)),
                     id % 32768);
    assert_int_equal(limits.shmmni, 4096);
    mock_unmap(mapped, 2);
    assert_int_equal(shm_remove(1, id), 0);
}

/* shmall, and huge pages, which are for root, of which there are none. */
static void test_limits(void **state) {
    (void)state;
    assert_int_equal(get(1, IPC_PRIVATE, 1 << 22, SHM_HUGETLB), -EPERM);
    assert_int_equal(get(3, IPC_PRIVATE, 1 << 22, SHM_HUGETLB), -ENOMEM);
    assert_int_equal(get(3, IPC_PRIVATE, 1 << 22, SHM_HUGETLB | 22 << 26), -EINVAL);
    shm_state.shmall = 3;
    int id = (int)get(1, IPC_PRIVATE, 5000, 0600);
    assert_true(id >= 0);
    assert_int_equal(get(3, IPC_PRIVATE, 4097, 0600), -ENOSPC);
    int last = (int)get(1, IPC_PRIVATE, 4096, 0600);
    assert_true(last >= 0);
    assert_int_equal(get(1, IPC_PRIVATE, 1, 0600), -ENOSPC);
    shm_state.shmall = SHMALL;
    assert_int_equal(shm_remove(1, id), 0);
    assert_int_equal(shm_remove(1, last), 0);
}

static long setting(uint32_t which, int set, uint64_t value, uint64_t *now) {
    struct request req = {0};
    long result = shm_handle_setting(&req, which, set, value);
    *now = req.msg.w[0];
    return result;
}

static void test_settings(void **state) {
    (void)state;
    uint64_t now;
    assert_int_equal(setting(SHM_SETTING_SHMMNI, 1, 32769, &now), -EINVAL);
    assert_int_equal(setting(SHM_SETTING_SHMMNI, 1, 1, &now), 0);
    int id = (int)get(1, IPC_PRIVATE, 1, 0600);
    assert_int_equal(get(1, IPC_PRIVATE, 1, 0600), -ENOSPC);
    assert_int_equal(setting(SHM_SETTING_SHMMNI, 1, 4096, &now), 0);
    assert_int_equal(setting(SHM_SETTING_NEXT_ID, 0, 0, &now), 0);
    assert_int_equal(now, -1);
    assert_int_equal(setting(SHM_SETTING_NEXT_ID, 1, 3 * 32768 + (uint32_t)id % 32768, &now), 0);
    int next = (int)get(1, IPC_PRIVATE, 1, 0600);
    assert_int_equal(next, 3 * 32768 + id % 32768 + 1);
    assert_int_equal(setting(SHM_SETTING_NEXT_ID, 0, 0, &now), 0);
    assert_int_equal(now, -1);
    assert_int_equal(setting(5, 0, 0, &now), -EINVAL);
    assert_int_equal(shm_remove(1, id), 0);
    assert_int_equal(shm_remove(1, next), 0);
}

/* shm_rmid_forced: what nobody has attached ends with its maker, what is attached with its last attachment. */
static void test_forced(void **state) {
    (void)state;
    uint64_t now;
    struct shmid64_ds ds;
    mock_connect(7, 100, 100);
    int orphan = (int)get(7, IPC_PRIVATE, 1, 0666), used = (int)get(7, IPC_PRIVATE, 1, 0666);
    assert_int_equal(at(1, used, 0), 0);
    struct mock_object *use = mapped;
    mock_exit(7);
    int own = (int)get(1, IPC_PRIVATE, 1, 0666);
    assert_int_equal(stat_of(orphan, &ds), 0);
    assert_int_equal(setting(SHM_SETTING_RMID_FORCED, 1, 2, &now), -EINVAL);
    assert_int_equal(setting(SHM_SETTING_RMID_FORCED, 1, 1, &now), 0);
    mock_jobs();
    assert_int_equal(stat_of(orphan, &ds), -EINVAL);
    assert_int_equal(stat_of(own, &ds), 0);
    mock_unmap(use, 1);
    assert_int_equal(stat_of(used, &ds), -EINVAL);
    assert_int_equal(at(1, own, 0), 0);
    mock_unmap(mapped, 1);
    assert_int_equal(stat_of(own, &ds), -EINVAL);
    mock_connect(7, 100, 100);
    own = (int)get(7, IPC_PRIVATE, 1, 0666);
    used = (int)get(7, IPC_PRIVATE, 1, 0666);
    assert_int_equal(at(1, used, 0), 0);
    mock_exit(7);
    assert_int_equal(stat_of(own, &ds), -EINVAL);
    assert_int_equal(stat_of(used, &ds), 0);
    assert_int_equal(setting(SHM_SETTING_RMID_FORCED, 1, 0, &now), 0);
    mock_unmap(mapped, 1);
    assert_int_equal(stat_of(used, &ds), 0);
    assert_int_equal(shm_remove(3, used), 0);
}

/* Whatever of its state is wrong, the server's check notices. */
static void test_checks(void **state) {
    (void)state;
    int id = (int)get(1, 8, 5000, IPC_CREAT | 0666);
    struct segment *segment =
        container_of(idtable_at(&shm_state.table.ids, id), struct segment, sysv);
    assert_int_equal(at(2, id, SHM_RDONLY), 0);
    assert_int_equal(lock(1, id, 8192), 0);
    assert_checked(segment->own);
    assert_checked(segment->sysv.id);
    assert_checked(shm_state.pages);
    assert_checked(segment->locker->pages);
    segment->size += SHM_PAGE;
    assert_non_null(mock_violation());
    segment->size -= SHM_PAGE;
    segment->sysv.perm.mode &= ~(uint32_t)SHM_LOCKED;
    assert_non_null(mock_violation());
    segment->sysv.perm.mode |= SHM_LOCKED | SHM_DEST;
    assert_non_null(mock_violation());
    segment->sysv.perm.mode &= ~(uint32_t)SHM_DEST;
    assert_null(mock_violation());
    mock_unmap(mapped, 2);
    assert_int_equal(shm_remove(1, id), 0);
}

enum { SEGMENTS = 6, PROCESSES = 12 };

static struct {
    int id;
    bool removed;
    struct mock_object *object;
} segments[SEGMENTS];
static uint64_t held[PROCESSES][SEGMENTS];
static bool alive[PROCESSES];

static uint64_t model_attached(unsigned s) {
    uint64_t sum = 0;
    for (unsigned p = 0; p < PROCESSES; p++)
        sum += held[p][s];
    return sum;
}

/* What exec and a process's end do. */
static void leave_all(unsigned p) {
    for (unsigned s = 0; s < SEGMENTS; s++)
        for (; held[p][s]; held[p][s]--)
            mock_unmap(segments[s].object, 10 + (int)p);
}

static void fork_all(unsigned p, unsigned other) {
    for (unsigned s = 0; s < SEGMENTS; s++)
        for (; held[other][s] < held[p][s]; held[other][s]++)
            mock_map_again(segments[s].object, 10 + (int)p);
}

static void random_process_step(unsigned p, unsigned s) {
    unsigned other = mock_random(PROCESSES);
    int pid = 10 + (int)p;
    switch (mock_random(8)) {
    case 0:
        leave_all(p);
        mock_exec(pid);
        break;
    case 1:
        leave_all(p);
        mock_exit(pid);
        alive[p] = false;
        break;
    case 2:
        if (!alive[other]) {
            assert_int_equal(mock_fork(pid, 10 + (int)other), 0);
            fork_all(p, other);
            alive[other] = true;
        }
        break;
    case 3:
    case 4:
        if (!held[p][s])
            break;
        held[p][s]--;
        mock_unmap(segments[s].object, pid);
        break;
    default:
        if (at(pid, segments[s].id, 0) >= 0) {
            held[p][s]++;
            segments[s].object = mapped;
        } else
            assert_true(segments[s].removed && !model_attached(s));
    }
}

static void begin_at_random(void) {
    memset(alive, 0, sizeof(alive));
    memset(held, 0, sizeof(held));
    for (unsigned s = 0; s < SEGMENTS; s++) {
        segments[s].id = (int)get(3, IPC_PRIVATE, 4096, 0666);
        segments[s].removed = false;
    }
}

/* A segment that has gone is replaced. */
static void check_segment(unsigned s) {
    struct shmid64_ds ds;
    uint64_t attached = model_attached(s);
    if (stat_of(segments[s].id, &ds) >= 0) {
        assert_int_equal(ds.shm_nattch, attached);
        assert_true(attached || !segments[s].removed);
    } else {
        assert_true(segments[s].removed && !attached);
        segments[s].id = (int)get(3, IPC_PRIVATE, 4096, 0666);
        segments[s].removed = false;
    }
}

static void step_at_random(uint64_t number) {
    unsigned p = mock_random(PROCESSES), s = mock_random(SEGMENTS);
    (void)number;
    if (!alive[p]) {
        mock_connect(10 + (int)p, 50, 50);
        alive[p] = true;
    }
    random_process_step(p, s);
    if (mock_random(50) == 0 && !segments[s].removed) {
        assert_int_equal(shm_remove(3, segments[s].id), 0);
        segments[s].removed = true;
    }
    for (s = 0; s < SEGMENTS; s++)
        check_segment(s);
}

static void end_at_random(void) {
    for (unsigned p = 0; p < PROCESSES; p++)
        if (alive[p]) {
            leave_all(p);
            mock_exit(10 + (int)p);
        }
    for (unsigned s = 0; s < SEGMENTS; s++)
        if (!segments[s].removed)
            assert_int_equal(shm_remove(3, segments[s].id), 0);
}

static void test_at_random(void **state) {
    static const struct model_run run = {begin_at_random, step_at_random, end_at_random};
    (void)state;
    model_run(&run);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(test_get, setup, teardown),
        cmocka_unit_test_setup_teardown(test_rights, setup, teardown),
        cmocka_unit_test_setup_teardown(test_removed_but_attached, setup, teardown),
        cmocka_unit_test_setup_teardown(test_control, setup, teardown),
        cmocka_unit_test_setup_teardown(test_limits, setup, teardown),
        cmocka_unit_test_setup_teardown(test_settings, setup, teardown),
        cmocka_unit_test_setup_teardown(test_forced, setup, teardown),
        cmocka_unit_test_setup_teardown(test_checks, setup, teardown),
        cmocka_unit_test_setup_teardown(test_at_random, setup, teardown),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
