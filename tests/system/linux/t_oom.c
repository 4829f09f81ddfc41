/* SPDX-License-Identifier: MIT */
/* /proc/PID/oom_score_adj (proc(5)): what it takes and tells, and whom the end of memory meets. */
#include <fcntl.h>

#include "quota.h"
#include "tap.h"

#define FILE_NAME "/proc/self/oom_score_adj"
#define PAGE 4096

static int set(const char *text) {
    int fd = open(FILE_NAME, O_WRONLY), error = 0;

    if (fd < 0 || write(fd, text, strlen(text)) != (ssize_t)strlen(text))
        error = errno;
    close(fd);
    return error;
}

static int number(const char *path) {
    char text[32] = "";
    int fd = open(path, O_RDONLY);
    ssize_t n = read(fd, text, sizeof(text) - 1);

    close(fd);
    return n > 0 ? atoi(text) : -9999;
}

/* As another user, who may not go below what root has set. */
static int as_other(void) {
    if (number(FILE_NAME) != 500 || set("600") || number(FILE_NAME) != 600)
        return 1;
    if (setuid(1000) < 0)
        return 2;
    /* The file is its owner's, and a process that has changed its user is nobody's to be looked into. */
    prctl(PR_SET_DUMPABLE, 1);
    if (set("700") || set("600\n") || number(FILE_NAME) != 600)
        return 3;
    return set("599") == EACCES && number(FILE_NAME) == 600 ? 0 : 4;
}

static void what_it_takes(void) {
    int before;

    is_int(set("0"), 0, "it is set");
    before = number("/proc/self/oom_score");
    is_int(set("1001"), EINVAL, "not above 1000");
    is_int(set("-1001"), EINVAL, "nor below -1000");
    is_int(set("some"), EINVAL, "nor to a word");
    is_int(number(FILE_NAME), 0, "and nothing has changed");
    is_int(set("500\n"), 0, "to a line");
    is_int(number(FILE_NAME), 500, "it is told");
    ok(number("/proc/self/oom_score") > before + 200, "and counts in oom_score");
    if (set("-1") == EACCES && !on_parley()) {
        skip("going below", "this root may not");
        return;
    }
    set("500");
    is_int(in_child(as_other) >> 8, 0, "a child inherits it, and another user cannot lower it");
    is_int(set("-1000"), 0, "root can");
    is_int(number("/proc/self/oom_score"), 0, "who is never to end has no score");
    set("0");
}

static void touch(size_t pages) {
    char *at = mmap(NULL, pages * PAGE, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);

    for (size_t i = 0; at != MAP_FAILED && i < pages; i++)
        at[i * PAGE] = 1;
}

static pid_t having(size_t pages, const char *adjusted) {
    pid_t pid = start();

    if (pid == 0) {
        set(adjusted);
        touch(pages);
        for (;;)
            pause();
    }
    let_block();
    return pid;
}

/* Of a large one that is spared, one in the middle, and a small one that counts for more, the last ends first. */
static int full(void) {
    int status;
    pid_t ended[2] = {0};

    if (prctl(PR_PARLEY_QUOTA, 4000, 0, 0, 0) < 0 || set("-1000"))
        return 1;
    pid_t spared = having(1200, "-1000"), middle = having(600, "0"), small = having(100, "900");
    for (int i = 0; i < 4000 && !ended[1]; i++) {
        touch(1);
        pid_t pid = waitpid(-1, &status, WNOHANG);
        if (pid > 0)
            ended[ended[0] != 0] = pid;
    }
    bool lives = kill(spared, 0) == 0 && waitpid(spared, &status, WNOHANG) == 0;
    kill(spared, SIGKILL);
    return ended[0] != small ? 2 : ended[1] != middle ? 3 : !lives ? 4 : 0;
}

int main(void) {
    if (geteuid() != 0) {
        skip("oom_score_adj", "not root");
        return done();
    }
    what_it_takes();
    if (on_parley())
        is_int(in_child(full) >> 8, 0, "who counts for most ends first, and who is spared not");
    else
        skip("whom it meets", "there are no quotas");
    return done();
}
