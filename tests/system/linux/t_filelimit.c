/* SPDX-License-Identifier: MIT */
/* RLIMIT_FSIZE (setrlimit(2)): regular files become no longer, by whatever call; SIGXFSZ. */
#include <fcntl.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <sys/uio.h>

#include "tap.h"

#define MOST 100000
#define LONG_MOST 200000 /* more than one step of a write */

static char bytes[2 * LONG_MOST];
static int file;
static volatile int signals;

static void count(int signal) {
    signals += signal == SIGXFSZ;
}

static void limit(rlim_t most) {
    struct rlimit limit = {most, RLIM_INFINITY};
    if (setrlimit(RLIMIT_FSIZE, &limit) < 0)
        bail("setrlimit");
}

static long size(void) {
    struct stat st;
    return fstat(file, &st) < 0 ? -1 : (long)st.st_size;
}

static void writes(void) {
    struct iovec pieces[] = {{bytes, 60000}, {bytes, 60000}};
    is_int(write(file, bytes, MOST - 10), MOST - 10, "a write below the limit");
    is_int(write(file, bytes, 100), 10, "one across it: what fits");
    is_int(signals, 0, "no signal");
    is_errno(write(file, bytes, 1), EFBIG, "one at the limit");
    is_int(signals, 1, "and a signal");
    is_int(write(file, bytes, 0), 0, "none of nothing");
    is_errno(pwrite(file, bytes, 1, MOST + 5), EFBIG, "pwrite behind it");
    is_int(signals, 2, "and a signal");
    is_int(pwrite(file, bytes, 10, 50), 10, "pwrite below it");
    is_int(pwritev(file, pieces, 2, 0), MOST, "pwritev across it");
    is_int(size(), MOST, "the file is as long as the limit");
    limit(LONG_MOST);
    is_int(pwrite(file, bytes, sizeof bytes, 10), LONG_MOST - 10, "a long write across it");
    is_int(size(), LONG_MOST, "the file is as long as that limit");
    limit(MOST);
}

static void lengths(void) {
    signals = 0;
    is_int(ftruncate(file, MOST + 1), 0, "a longer file is cut to a length beyond the limit");
    is_errno(ftruncate(file, MOST + 2), EFBIG, "ftruncate makes none longer");
    is_int(signals, 1, "and a signal");
    is_errno(truncate("filelimit", MOST + 2), EFBIG, "nor truncate");
    is_int(signals, 2, "and a signal");
    is_errno(fallocate(file, 0, MOST, 100), EFBIG, "nor fallocate");
    is_int(signals, 3, "and a signal");
    is_int(ftruncate(file, MOST), 0, "what is not longer may be");
}

static int inherits(void) {
    struct sigaction usual = {.sa_handler = SIG_DFL};
    struct rlimit none = {0, 0};
    sigaction(SIGXFSZ, &usual, NULL);
    setrlimit(RLIMIT_CORE, &none);
    if (pwrite(file, bytes, 1, MOST - 1) != 1)
        return 1;
    pwrite(file, bytes, 1, MOST);
    return 2;
}

int main(void) {
    struct sigaction counts = {.sa_handler = count};
    int fd[2];
    sigaction(SIGXFSZ, &counts, NULL);
    file = open("filelimit", O_RDWR | O_CREAT | O_TRUNC, 0600);
    if (file < 0 || pipe(fd) < 0)
        bail("open");
    limit(MOST);
    writes();
    lengths();
    is_int(WTERMSIG(in_child(inherits)), SIGXFSZ, "a child has the limit; the signal ends it");
    limit(0);
    is_int(write(fd[1], bytes, 10), 10, "a pipe has no such limit");
    limit(RLIM_INFINITY);
    is_int(pwrite(file, bytes, 10, MOST), 10, "without the limit it goes on");
    unlink("filelimit");
    return done();
}
