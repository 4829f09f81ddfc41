/* SPDX-License-Identifier: MIT */
/*
 * Memory: brk(2), mmap(2), munmap(2), mprotect(2), sharing over fork, faults. Runs on
 * Linux and under qemu-user, save for MAP_FIXED_NOREPLACE there.
 */
#include "quota.h"
#include "tap.h"

#include <setjmp.h>
#include <sys/mman.h>
#include <sys/prctl.h>

#define PAGE 4096UL

static sigjmp_buf escape;

static void on_fault(int signum) {
    (void)signum;
    siglongjmp(escape, 1);
}

static bool faults(volatile char *address, bool write) {
    volatile bool fault = true;

    signal(SIGSEGV, on_fault);
    if (sigsetjmp(escape, 1) == 0) {
        if (write)
            *address = 'w';
        else
            (void)*address;
        fault = false;
    }
    signal(SIGSEGV, SIG_DFL);
    return fault;
}

static bool can_read(volatile char *address) {
    return !faults(address, false);
}

static bool can_write(volatile char *address) {
    return !faults(address, true);
}

static char *map(size_t size, int protection, int flags) {
    char *memory = mmap(NULL, size, protection, flags | MAP_ANONYMOUS, -1, 0);

    if (memory == MAP_FAILED)
        bail("mmap");
    return memory;
}

static char *map_private(size_t pages) {
    return map(pages * PAGE, PROT_READ | PROT_WRITE, MAP_PRIVATE);
}

static void test_break(void) {
    char *start_break = sbrk(0), *memory;

    memory = sbrk((intptr_t)(10 * PAGE));
    ok(memory == start_break && sbrk(0) == start_break + 10 * PAGE, "sbrk moves the break");
    ok(can_write(memory) && can_write(memory + 10 * PAGE - 1), "the memory can be used");
    is_int(memory[PAGE], 0, "and is zero");
    memory[5 * PAGE] = 'b';
    is_int(brk(start_break), 0, "brk moves it back");
    memory = sbrk((intptr_t)(10 * PAGE));
    is_int(memory[5 * PAGE], 0, "what was given up comes back as zeroes");
    is_int(brk(start_break), 0, "and back again");
    errno = 0;
    ok(sbrk((intptr_t)1 << 46) == (void *)-1 && errno == ENOMEM, "a huge break: ENOMEM");
    ok(sbrk(0) == start_break, "which leaves it where it was");
}

static void test_map(void) {
    char *memory = map_private(4), *fixed;

    is_int((unsigned long)memory % PAGE, 0, "mmap gives whole pages");
    ok(memory[0] == 0 && memory[4 * PAGE - 1] == 0, "of zeroes");
    memory[0] = memory[3 * PAGE] = 'm';
    is_int(munmap(memory + PAGE, PAGE), 0, "munmap a page in the middle");
    ok(!can_read(memory + PAGE) && memory[0] == 'm' && memory[3 * PAGE] == 'm', "only that page");
    is_int(munmap(memory, 4 * PAGE), 0, "munmap over a hole");
    ok(!can_read(memory), "all is gone");
    is_int(munmap(memory, PAGE), 0, "munmap of nothing");
    is_errno(munmap(memory + 1, PAGE), EINVAL, "munmap of an odd address: EINVAL");
    is_errno(munmap(memory, 0), EINVAL, "munmap of no bytes: EINVAL");
    memory = map_private(4);
    memory[PAGE] = 'o';
    fixed = mmap(memory + PAGE, PAGE, PROT_READ | PROT_WRITE,
                 MAP_PRIVATE | MAP_ANONYMOUS | MAP_FIXED, -1, 0);
    ok(fixed == memory + PAGE && fixed[0] == 0, "MAP_FIXED replaces");
    is_errno((long)mmap(memory, PAGE, PROT_READ, MAP_PRIVATE | MAP_ANONYMOUS | MAP_FIXED_NOREPLACE,
                        -1, 0),
             EEXIST, "MAP_FIXED_NOREPLACE does not: EEXIST");
    is_errno(
        (long)mmap(memory + 1, PAGE, PROT_READ, MAP_PRIVATE | MAP_ANONYMOUS | MAP_FIXED, -1, 0),
        EINVAL, "MAP_FIXED at an odd address: EINVAL");
    is_errno((long)mmap(NULL, 0, PROT_READ, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0), EINVAL,
             "no bytes: EINVAL");
    is_errno((long)mmap(NULL, PAGE, PROT_READ, MAP_ANONYMOUS, -1, 0), EINVAL,
             "neither private nor shared: EINVAL");
    is_errno((long)mmap(NULL, 1UL << 60, PROT_READ, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0), ENOMEM,
             "more than there are addresses: ENOMEM");
    munmap(memory, 4 * PAGE);
}

static void test_protect(void) {
    char *memory = map_private(3), *none;

    memset(memory, 'p', 3 * PAGE);
    is_int(mprotect(memory + PAGE, PAGE, PROT_READ), 0, "mprotect a page in the middle");
    ok(can_read(memory + PAGE) && !can_write(memory + PAGE), "it is read-only");
    ok(can_write(memory) && can_write(memory + 2 * PAGE), "its neighbours are not");
    is_int(mprotect(memory + PAGE, PAGE, PROT_NONE), 0, "PROT_NONE");
    ok(!can_read(memory + PAGE), "cannot be read");
    is_int(mprotect(memory, 3 * PAGE, PROT_READ | PROT_WRITE), 0, "all back");
    ok(memory[PAGE] == 'p' && can_write(memory + PAGE), "with what it held");
    is_errno(mprotect(memory + 1, PAGE, PROT_READ), EINVAL, "an odd address: EINVAL");
    munmap(memory + PAGE, PAGE);
    is_errno(mprotect(memory, 3 * PAGE, PROT_READ), ENOMEM, "over a hole: ENOMEM");
    munmap(memory, 3 * PAGE);
    none = map(PAGE, PROT_NONE, MAP_PRIVATE);
    ok(!can_read(none), "a mapping can begin as PROT_NONE");
    mprotect(none, PAGE, PROT_READ | PROT_WRITE);
    ok(can_write(none), "and become usable");
    munmap(none, PAGE);
}

static void test_execute(void) {
#ifdef __riscv
    static const unsigned int code[] = {0x02a00513, 0x00008067}; /* li a0, 42; ret */
    char *memory = map_private(1);
    int (*function)(void);

    memcpy(memory, code, sizeof(code));
    is_int(mprotect(memory, PAGE, PROT_READ | PROT_EXEC), 0, "PROT_EXEC");
    __builtin___clear_cache(memory, memory + sizeof(code));
    memcpy(&function, &memory, sizeof(function));
    is_int(function(), 42, "code that was written can be run");
    munmap(memory, PAGE);
#endif
}

static char *shared_memory, *private_memory;

static int write_both(void) {
    shared_memory[PAGE] = 's';
    private_memory[PAGE] = 'c';
    return private_memory[0] == 'p' && shared_memory[0] == 'q' ? 0 : 1;
}

static int write_grandchild(void) {
    shared_memory[3 * PAGE] = 'g';
    return in_child(write_both);
}

static void test_sharing(void) {
    shared_memory = map(4 * PAGE, PROT_READ | PROT_WRITE, MAP_SHARED);
    private_memory = map_private(4);
    shared_memory[0] = 'q';
    private_memory[0] = 'p';
    is_int(in_child(write_both), 0, "a child sees both kinds of mapping");
    is_int(shared_memory[PAGE], 's', "what it writes to the shared one is seen");
    is_int(private_memory[PAGE], 0, "what it writes to the private one is not");
    shared_memory[PAGE] = 0;
    is_int(in_child(write_grandchild), 0, "and its child too");
    ok(shared_memory[PAGE] == 's' && shared_memory[3 * PAGE] == 'g', "all share");
    munmap(shared_memory, 4 * PAGE);
    munmap(private_memory, 4 * PAGE);
}

static void test_sparse(void) {
    size_t size = 8UL << 30;
    char *memory = mmap(NULL, size, PROT_READ | PROT_WRITE,
                        MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0);
    size_t wrong = 0;

    ok(memory != MAP_FAILED, "8 GiB of addresses");
    if (memory == MAP_FAILED)
        return;
    for (size_t at = 0; at < size; at += size / 64)
        memory[at] = (char)(at >> 27);
    for (size_t at = 0; at < size; at += size / 64)
        wrong += memory[at] != (char)(at >> 27) || memory[at + PAGE] != 0;
    is_int(wrong, 0, "used here and there");
    is_int(munmap(memory, size), 0, "and given up");
}

#define SCATTERED 1000 /* pages, two page tables' worth and more */
static char *scattered;
static size_t scattered_step;

static char scattered_byte(size_t page) {
    return page % scattered_step ? 0 : (char)(page % 100 + 1);
}

static size_t scattered_wrong(size_t from) {
    size_t wrong = 0;

    for (size_t page = from; page < SCATTERED; page++)
        wrong += scattered[page * PAGE] != scattered_byte(page);
    return wrong;
}

/* In the child, which sees what the parent wrote, and changes some of it. */
static int scattered_child(void) {
    if (scattered_wrong(0))
        return 1;
    for (size_t page = 0; page < SCATTERED; page += scattered_step)
        scattered[page * PAGE] = 'c';
    munmap(scattered, SCATTERED / 3 * PAGE);
    return 0;
}

/* A few pages of many: forked, partly given up and touched again. */
static void test_scattered(void) {
    size_t cut = SCATTERED / 3, wrong = 0, children = 0;
    long before = free_pages();

    for (scattered_step = 1; scattered_step < 400; scattered_step += 1 + scattered_step / 2) {
        scattered = map_private(SCATTERED);
        for (size_t page = 0; page < SCATTERED; page += scattered_step)
            scattered[page * PAGE] = scattered_byte(page);
        children += in_child(scattered_child) != 0;
        wrong += scattered_wrong(0);
        mmap(scattered, cut * PAGE, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS | MAP_FIXED,
             -1, 0);
        for (size_t page = 0; page < cut; page++)
            wrong += scattered[page * PAGE] != 0;
        mprotect(scattered, SCATTERED * PAGE, PROT_READ);
        wrong += scattered_wrong(cut) + can_write(scattered + (SCATTERED - 1) * PAGE);
        munmap(scattered, SCATTERED * PAGE);
    }
    is_int(children, 0, "children see pages here and there");
    is_int(wrong, 0, "which stay as they were written, until given up");
    check_free_pages(before, 16, "and then their memory is free");
}

static void test_advice(void) {
    char *memory = map_private(4);

    memset(memory, 'a', 4 * PAGE);
    if (madvise(memory + PAGE, PAGE, MADV_DONTNEED) < 0 && errno == ENOSYS) {
        skip("MADV_DONTNEED", "not supported");
    } else {
        ok(memory[PAGE] == 0 && memory[0] == 'a' && memory[2 * PAGE] == 'a',
           "MADV_DONTNEED gives zeroes");
    }
    munmap(memory, 4 * PAGE);
}

/* Memory comes back, however it was given up. */
static void test_no_leak(void) {
    long before = free_pages();

    for (int i = 0; i < 20; i++) {
        char *memory = map_private(500);

        memset(memory, i, 500 * PAGE);
        for (size_t page = 0; page < 500; page += 2)
            munmap(memory + page * PAGE, PAGE);
        munmap(memory, 500 * PAGE);
    }
    check_free_pages(before, 16, "20 times 2 MiB later all memory is free again");
}

#define BASE 0x3000000000UL /* a page table's span begins here, */
#define SPAN 0x200000UL     /* and the next one's so much higher */

/*
 * After a fork, page tables are shared with the child; to unmap what is in one beside something else takes
 * memory. Here that is the second one. The bits of the status tell what was wrong.
 */
static int unmap_without_memory(void) {
    size_t length = SPAN + 16 * 4096;
    char *at = mmap((void *)BASE, length + 4096, PROT_READ | PROT_WRITE,
                    MAP_PRIVATE | MAP_ANONYMOUS | MAP_FIXED, -1, 0);
    pid_t child;
    int wrong = 0;

    if (prctl(PR_PARLEY_QUOTA, 1000, 0, 0, 0) < 0)
        return 77;
    strcpy(at, "first");
    strcpy(at + SPAN, "last");
    strcpy(at + length, "beside");
    child = fork();
    if (child == 0)
        for (;;)
            pause();
    use_up();
    wrong |= munmap(at, length) != -1 || errno != ENOMEM ? 1 : 0;
    wrong |= strcmp(at, "first") || strcmp(at + SPAN, "last") ? 2 : 0;
    kill(child, SIGKILL);
    waitpid(child, NULL, 0);
    wrong |= munmap(at, length) != 0 || strcmp(at + length, "beside") ? 4 : 0;
    return wrong;
}

static void test_no_memory(void) {
    int status = in_child(unmap_without_memory);

    if (status == 77 << 8)
        skip("munmap without memory", "there are no quotas");
    else
        is_int(status, 0, "munmap without memory is ENOMEM and changes nothing");
}

int main(void) {
    test_break();
    test_map();
    test_protect();
    test_execute();
    test_sharing();
    test_sparse();
    test_scattered();
    test_advice();
    test_no_leak();
    test_no_memory();
    return done();
}
