/* SPDX-License-Identifier: MIT */
/* Foreign calls: attention, coming back from foreign_return, what the kernel keeps meanwhile. */
#include "messages.h"
#include <string.h>

#define STRING_(x) #x
#define STRING(x) STRING_(x)

static volatile struct {
    uint64_t leave_by_attention; /* foreign_return is not tried */
    uint64_t back;               /* how often foreign_return came back, */
    uint64_t regs[32];           /* and with which registers */
    uint64_t exchange;           /* foreign_body exchanges what the kernel keeps: */
    uint64_t elsewhere;          /* where the call ends then */
    struct pk_foreign first, second;
    long first_result, second_result;
} f;

void foreign_entry(void), foreign_came_back(const uint64_t *regs);
uint64_t foreign_leaves_by_attention(void);
__asm__(
    ".text\n"
    ".option push\n"
    ".option norelax\n"
    ".global foreign_entry\n"
    "foreign_entry:\n"
    "    addi sp, sp, -32\n"
    "    sd ra, 8(sp)\n"
    "    call foreign_body\n"
    "    sd a0, 16(sp)\n"
    "    call foreign_leaves_by_attention\n"
    "    mv a1, a0\n"
    "    ld a0, 16(sp)\n"
    "    ld ra, 8(sp)\n"
    "    addi sp, sp, 32\n"
    "    bnez a1, 1f\n"
    "    .irp n, 1,5,6,7,11,12,13,14,15,16,28,29,30,31\n"
    "    li x\\n, 2000+\\n\n"
    "    .endr\n"
    "    li a7, " STRING(
        PK_FOREIGN_RETURN) "\n"
                           "    ecall\n"
                           "    addi sp, sp, -256\n"
                           "    .irp n, 1,5,6,7,10,11,12,13,14,15,16,17,28,29,30,31\n"
                           "    sd x\\n, 8*\\n(sp)\n"
                           "    .endr\n"
                           "    mv a0, sp\n"
                           "    call foreign_came_back\n"
                           "    ld a0, 80(sp)\n"
                           "    addi sp, sp, 256\n"
                           "1:  li t0, 0x123\n"
                           "    li a7, " STRING(
                               PK_FOREIGN_ATTENTION) "\n"
                                                     "    ecall\n"
                                                     "    unimp\n"
                                                     /* Makes foreign call 64; exchange_seen is told where it ended, and with what. */
                                                     ".global exchange_caller\n"
                                                     "exchange_caller:\n"
                                                     "    li t0, 0x5eed\n"
                                                     "    li a7, 64\n"
                                                     "    ecall\n"
                                                     ".global exchange_behind\n"
                                                     "exchange_behind:\n"
                                                     "    li a1, 1\n"
                                                     "    j 1f\n"
                                                     ".global exchange_elsewhere\n"
                                                     "exchange_elsewhere:\n"
                                                     "    li a1, 2\n"
                                                     "1:  mv a2, a7\n"
                                                     "    mv a3, t0\n"
                                                     "    call exchange_seen\n"
                                                     ".option pop\n");

uint64_t foreign_leaves_by_attention(void) {
    return f.leave_by_attention;
}

void foreign_came_back(const uint64_t *regs) {
    f.back++;
    for (unsigned i = 0; i < 32; i++)
        f.regs[i] = regs[i];
}

void exchange_caller(uint64_t argument), exchange_behind(void), exchange_elsewhere(void);
static void touch_fp(void) {
    __asm__ volatile(".option push\n.option arch, +d\nfmv.d.x f5, %0\n.option pop" : : "r"(7ul));
}

/* Two exchanges: the second gets what the first has put there. */
static void exchange(void) {
    struct pk_foreign kept = {(uint64_t)exchange_elsewhere, 65, 0xbeef};
    f.first_result = pk_foreign_exchange(&kept);
    f.first = kept;
    touch_fp();
    kept = (struct pk_foreign){f.elsewhere, 66, 0xfeed};
    f.second_result = pk_foreign_exchange(&kept);
    f.second = kept;
}

/* A foreign call becomes a call to shared.endpoint; its result is the foreign result. */
long foreign_body(uint64_t argument);
long foreign_body(uint64_t argument) {
    struct pk_msg msg = {.label = 9, .w = {argument}};
    if (f.exchange)
        exchange();
    return pk_call(shared.endpoint, &msg, 0, 0, 0, 0);
}

void exchange_seen(long result, uint64_t where, uint64_t number, uint64_t scratch);
void exchange_seen(long result, uint64_t where, uint64_t number, uint64_t scratch) {
    shared.result[0] = result;
    shared.result[1] = (long)where;
    shared.result[2] = (long)number;
    shared.result[3] = (long)scratch;
    __atomic_fetch_add(&shared.done, 1, __ATOMIC_SEQ_CST);
    worker_rest();
}

/* Makes foreign call 64 and keeps the result, and whether a7 and t0 came back. */
static void foreign_caller(uint64_t argument) {
    register uint64_t a0 __asm__("a0") = argument;
    register uint64_t a7 __asm__("a7") = 64;
    register uint64_t t0 __asm__("t0") = 0x5eed;
    __asm__ volatile("ecall"
                     : "+r"(a0), "+r"(a7), "+r"(t0)
                     :
                     : "a1", "a2", "a3", "a4", "a5", "a6", "t1", "t2", "t3", "t4", "t5", "t6", "ra",
                       "memory");
    uint64_t kept = a7 == 64 && t0 == 0x5eed;
    shared.result[0] = (long)a0;
    shared.result[1] = (long)kept;
    __atomic_fetch_add(&shared.done, 1, __ATOMIC_SEQ_CST);
    worker_rest();
}

/* A task with a foreign entry, whose exceptions come to an endpoint with badge 88. */
static uint64_t foreign_pair(struct pair *p) {
    *p = pair_new();
    memset((void *)&f, 0, sizeof f);
    uint64_t exceptions = SLOT(pk_endpoint_create(0));
    uint64_t badged = SLOT(pk_cap_copy(exceptions, 0, 0, PK_RIGHT_ALL, 88));
    IS(pk_task_set(p->task, PK_TASK_FOREIGN, (uint64_t)foreign_entry), 0);
    IS(pk_task_set(p->task, PK_TASK_EXCEPTION, badged), 0);
    drop(badged);
    return exceptions;
}

static void attention_case(bool before_received) {
    struct pair p;
    struct pk_msg msg;
    uint64_t exceptions = foreign_pair(&p);
    uint64_t thread = thread_run(p.task, foreign_caller, 4711, 16);
    CHECK(thread_becomes(thread, PK_THREAD_CALLING));
    struct pk_thread_info info;
    IS(pk_thread_info(thread, &info), 0);
    IS(info.foreign, 1);
    if (before_received)
        IS(pk_thread_attention(thread), 0);
    long token = pk_receive(p.endpoint, 0, &msg);
    IS(msg.w[0], 4711);
    if (!before_received)
        IS(pk_thread_attention(thread), 0);
    IS(pk_receive(p.endpoint, PK_NONBLOCK, &msg), token);
    CHECK(msg.label == PK_NOTICE_CANCEL);
    IS(msg.w[0], PK_CANCEL_INTERRUPT);
    IS(msg.badge, 77);
    IS(pk_thread_attention(thread), 0); /* no second notice */
    IS(pk_receive(p.endpoint, PK_NONBLOCK, &msg), -EAGAIN);
    IS(pk_reply((uint64_t)token, -EINTR, &msg, 0), 0);
    token = pk_receive(exceptions, 0, &msg);
    CHECK(msg.label == PK_EXCEPTION_ATTENTION);
    IS(msg.badge, 88);
    IS(msg.w[0], -EINTR);
    IS(msg.w[1], 4711);
    IS(msg.w[2], 0x123);
    IS(shared.done, 0);
    IS(pk_reply((uint64_t)token, 0, &msg, 0), 0);
    CHECK(tap_reaches(&shared.done, 1));
    IS(f.back, 1);
    IS(shared.result[0], -EINTR);
    IS(shared.result[1], 1);
    drop(thread);
    pair_end(&p);
    drop(exceptions);
}

void attention_cancels(void) {
    attention_case(false);
    attention_case(true);
}

/* Outside a foreign call attention comes at once; the answer may set other registers. */
void attention_returns(void) {
    struct pair p;
    struct pk_msg msg;
    struct pk_regs regs;
    uint64_t exceptions = foreign_pair(&p);
    uint64_t thread = thread_new(p.task, foreign_caller, 5, 16);
    IS(pk_thread_attention(thread), 0);
    IS(pk_thread_resume(thread), 0);
    long token = pk_receive(exceptions, 0, &msg);
    CHECK(msg.label == PK_EXCEPTION_ATTENTION);
    IS(pk_thread_regs(thread, &regs, PK_REGS_GET), 0);
    IS(regs.x[10], 5);
    regs.x[10] = 6;
    IS(pk_thread_regs(thread, &regs, PK_REGS_SET), 0);
    IS(pk_reply((uint64_t)token, 0, &msg, 0), 0);
    token = pk_receive(p.endpoint, 0, &msg);
    IS(msg.w[0], 6);
    IS(pk_thread_regs(thread, &regs, PK_REGS_SET), -EBUSY);
    IS(pk_reply((uint64_t)token, 3, &msg, 0), 0);
    CHECK(tap_reaches(&shared.done, 1));
    IS(shared.result[0], 3);
    drop(thread);
    pair_end(&p);
    drop(exceptions);
}

/* foreign_return comes back once, with its word and all registers; a call answered from hand is not cancelled. */
void attention_comes_back(void) {
    struct pair p;
    struct pk_msg msg;
    uint64_t exceptions = foreign_pair(&p);
    struct pk_regs start = thread_regs_for(foreign_caller, 8);
    start.word = 0x3ad;
    uint64_t thread = SLOT(pk_thread_create_in(task_account(p.task), p.task, &start, 16));
    IS(pk_thread_resume(thread), 0);
    long token = pk_receive(p.endpoint, 0, &msg);
    IS(pk_thread_attention(thread), 0);
    IS(pk_reply((uint64_t)token, 33, &msg, 0), 0);
    token = pk_receive(exceptions, 0, &msg);
    CHECK(msg.label == PK_EXCEPTION_ATTENTION);
    IS(msg.w[0], 33);
    IS(msg.w[1], 8);
    IS(msg.w[2], 0x123);
    IS(pk_receive(p.endpoint, PK_NONBLOCK, &msg), -EAGAIN);
    IS(f.back, 1);
    static const unsigned char set[] = {1, 6, 7, 11, 12, 13, 14, 15, 16, 28, 29, 30, 31};
    for (unsigned i = 0; i < sizeof set; i++)
        IS(f.regs[set[i]], 2000 + set[i]);
    IS(f.regs[5], 0x3ad);
    IS(f.regs[10], 33);
    IS(f.regs[17], PK_FOREIGN_RETURN);
    IS(pk_reply((uint64_t)token, 0, &msg, 0), 0);
    CHECK(tap_reaches(&shared.done, 1));
    IS(shared.result[0], 33);
    IS(shared.result[1], 1);
    drop(thread);
    pair_end(&p);
    drop(exceptions);
}

/* foreign_attention needs no mark; without an exception endpoint it is foreign_return. */
void attention_unasked(void) {
    for (unsigned with = 0; with < 2; with++) {
        struct pair p;
        struct pk_msg msg;
        uint64_t exceptions = foreign_pair(&p);
        if (!with)
            IS(pk_task_set(p.task, PK_TASK_EXCEPTION, 0), 0);
        f.leave_by_attention = 1;
        uint64_t thread = thread_run(p.task, foreign_caller, 8, 16);
        long token = pk_receive(p.endpoint, 0, &msg);
        IS(pk_reply((uint64_t)token, 34, &msg, 0), 0);
        if (with) {
            token = pk_receive(exceptions, 0, &msg);
            CHECK(msg.label == PK_EXCEPTION_ATTENTION);
            IS(msg.w[0], 34);
            IS(msg.w[2], 0x123);
            IS(pk_reply((uint64_t)token, 0, &msg, 0), 0);
        }
        CHECK(tap_reaches(&shared.done, 1));
        IS(f.back, 0);
        IS(shared.result[0], 34);
        IS(shared.result[1], 1);
        drop(thread);
        pair_end(&p);
        drop(exceptions);
    }
}

/* What the kernel keeps can be seen and replaced, and tells if floating point was used. */
void foreign_exchanged(void) {
    struct pair p;
    struct pk_msg msg;
    uint64_t exceptions = foreign_pair(&p);
    f.exchange = 1;
    f.elsewhere = (uint64_t)exchange_elsewhere;
    uint64_t thread = thread_run(p.task, exchange_caller, 3, 16);
    long token = pk_receive(p.endpoint, 0, &msg);
    IS(msg.w[0], 3);
    IS(f.first_result, 0);
    IS(f.first.pc, exchange_behind);
    IS(f.first.number, 64);
    IS(f.first.scratch, 0x5eed);
    IS(f.second_result, 1);
    IS(f.second.pc, exchange_elsewhere);
    IS(f.second.number, 65);
    IS(f.second.scratch, 0xbeef);
    IS(pk_reply((uint64_t)token, 35, &msg, 0), 0);
    CHECK(tap_reaches(&shared.done, 1));
    IS(shared.result[0], 35);
    IS(shared.result[1], 2);
    IS(shared.result[2], 66);
    IS(shared.result[3], 0xfeed);
    drop(thread);
    pair_end(&p);
    drop(exceptions);
}

/* Without an entry the call is an exception, whose receiver may change its arguments and have it go on at an entry. */
void foreign_taken_over(void) {
    struct pair p;
    struct pk_msg msg;
    struct pk_regs regs;
    uint64_t exceptions = foreign_pair(&p);
    IS(pk_task_set(p.task, PK_TASK_FOREIGN, 0), 0);
    uint64_t thread = thread_run(p.task, foreign_caller, 8, 16);
    long token = pk_receive(exceptions, 0, &msg);
    CHECK(msg.label == PK_EXCEPTION_FOREIGN);
    IS(msg.w[0], 64);
    IS(pk_thread_regs(thread, &regs, PK_REGS_GET), 0);
    IS(regs.foreign, 0);
    IS(regs.x[17], 64);
    IS(regs.x[0], msg.w[2]);
    regs.x[10] = 9;
    regs.foreign = (uint64_t)foreign_entry;
    IS(pk_thread_regs(thread, &regs, PK_REGS_FOREIGN), -EINVAL);
    IS(pk_thread_regs(thread, &regs, PK_REGS_SET | PK_REGS_RESTART | PK_REGS_FOREIGN), -EINVAL);
    IS(pk_thread_regs(thread, &regs, PK_REGS_SET | PK_REGS_FOREIGN), 0);
    IS(pk_thread_regs(thread, &regs, PK_REGS_SET | PK_REGS_FOREIGN), -EINVAL); /* it is inside */
    IS(pk_reply((uint64_t)token, 0, &msg, 0), 0);
    token = pk_receive(p.endpoint, 0, &msg);
    IS(msg.w[0], 9);
    IS(pk_thread_regs(thread, &regs, PK_REGS_SET | PK_REGS_FOREIGN), -EBUSY);
    IS(pk_reply((uint64_t)token, 37, &msg, 0), 0);
    CHECK(tap_reaches(&shared.done, 1));
    IS(shared.result[0], 37);
    IS(shared.result[1], 1);
    drop(thread);
    pair_end(&p);
    drop(exceptions);
}

/* A foreign call that ends at an address that is no program's: a fault there, and nothing else. */
void foreign_astray(void) {
    static const uint64_t nowhere[] = {0, 1ull << 37, 0xffffffc080200000, ~0ull};
    for (unsigned i = 0; i < ARRAY_LENGTH(nowhere); i++) {
        struct pair p;
        struct pk_msg msg;
        uint64_t exceptions = foreign_pair(&p);
        f.exchange = 1;
        f.elsewhere = nowhere[i];
        uint64_t thread = thread_run(p.task, exchange_caller, 3, 16);
        long token = pk_receive(p.endpoint, 0, &msg);
        IS(pk_reply((uint64_t)token, 36, &msg, 0), 0);
        CHECK(pk_receive(exceptions, 0, &msg) > 0);
        CHECK(msg.label == PK_EXCEPTION_FAULT);
        IS(shared.done, 0);
        pair_end(&p);
        drop(thread);
        drop(exceptions);
    }
}
