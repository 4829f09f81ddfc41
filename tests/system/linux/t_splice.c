/* SPDX-License-Identifier: MIT */
/* Bytes from one descriptor to another, and vectors with flags: copy_file_range, splice, tee, vmsplice, preadv2. */
#include "tap.h"
#include <fcntl.h>
#include <poll.h>
#include <sys/ioctl.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/uio.h>

#define LARGE 300000

static const char *const names[] = {"/tmp/t_splice.a", "/tmp/t_splice.b"};
static char large[LARGE], back[LARGE];

static int make(int n, const char *bytes, size_t length) {
    int fd = open(names[n], O_CREAT | O_TRUNC | O_RDWR, 0600);

    if (fd < 0 || write(fd, bytes, length) != (ssize_t)length || lseek(fd, 0, SEEK_SET) != 0)
        bail(names[n]);
    return fd;
}

static bool holds(int fd, off_t at, const char *bytes, size_t length) {
    memset(back, 0, length);
    return pread(fd, back, length, at) == (ssize_t)length && !memcmp(back, bytes, length);
}

/* ---- copy_file_range ---- */

static void copies(void) {
    int a = make(0, large, LARGE), b = make(1, "0123456789", 10), append, ends[2];
    off_t from = 5, to = 100;

    is_int(copy_file_range(a, NULL, b, NULL, 1000, 0), 1000, "copy_file_range");
    ok(holds(b, 0, large, 1000) && lseek(a, 0, SEEK_CUR) == 1000 && lseek(b, 0, SEEK_CUR) == 1000,
       "both offsets move");
    is_int(copy_file_range(a, &from, b, &to, 20, 0), 20, "with offsets of the caller's");
    ok(from == 25 && to == 120 && holds(b, 100, large + 5, 20) && lseek(a, 0, SEEK_CUR) == 1000,
       "these move alone");
    from = to = 0;
    is_int(copy_file_range(a, &from, b, &to, 10 * LARGE, 0), LARGE, "until the end");
    ok(holds(b, 0, large, LARGE), "all of it");
    is_int(copy_file_range(a, &from, b, &to, 10, 0), 0, "nothing behind it");
    from = 0, to = LARGE;
    is_int(copy_file_range(a, &from, a, &to, 100, 0), 100, "within a file");
    from = 0, to = 50;
    is_errno(copy_file_range(a, &from, a, &to, 100, 0), EINVAL, "ranges that overlap");
    is_errno(copy_file_range(a, &from, b, &to, 100, 1), EINVAL, "flags");
    from = -1;
    is_errno(copy_file_range(a, &from, b, &to, 100, 0), EINVAL, "a negative offset");
    append = open(names[1], O_WRONLY | O_APPEND);
    is_errno(copy_file_range(a, NULL, append, NULL, 100, 0), EBADF, "O_APPEND");
    is_errno(copy_file_range(append, NULL, b, NULL, 100, 0), EBADF, "not open for reading");
    is_errno(copy_file_range(a, NULL, 1000, NULL, 100, 0), EBADF, "no descriptor");
    is_errno(syscall(SYS_copy_file_range, a, nowhere, b, NULL, 100, 0), EFAULT, "a bad address");
    if (pipe(ends) < 0)
        bail("pipe");
    is_errno(copy_file_range(a, NULL, ends[1], NULL, 100, 0), EINVAL, "a pipe");
    close(append);
    append = open("/tmp", O_RDONLY);
    is_errno(copy_file_range(append, NULL, b, NULL, 100, 0), EISDIR, "a directory");
    close(append);
    close(ends[0]);
    close(ends[1]);
    close(a);
    close(b);
}

/* ---- splice ---- */

static void splices(void) {
    int a = make(0, large, LARGE), b = make(1, "", 0), ends[2], more[2];
    loff_t at = 10;
    long sum = 0, n;
    int queued;

    if (pipe(ends) < 0 || pipe(more) < 0)
        bail("pipe");
    is_int(splice(a, NULL, ends[1], NULL, 1000, 0), 1000, "a file into a pipe");
    is_int(lseek(a, 0, SEEK_CUR), 1000, "its offset moves");
    is_int(splice(a, &at, ends[1], NULL, 50, 0), 50, "from an offset");
    ok(at == 60 && lseek(a, 0, SEEK_CUR) == 1000, "which moves alone");
    is_int(splice(ends[0], NULL, b, NULL, 1000, 0), 1000, "a pipe into a file");
    ok(holds(b, 0, large, 1000), "the same bytes");
    is_int(splice(ends[0], NULL, more[1], NULL, 100, 0), 50, "a pipe into a pipe: what there is");
    ok(read(more[0], back, 100) == 50 && !memcmp(back, large + 10, 50), "the same bytes");
    is_errno(splice(ends[0], NULL, b, NULL, 10, SPLICE_F_NONBLOCK), EAGAIN, "nothing there");
    is_int(splice(a, &at, ends[1], NULL, 0, 0), 0, "no length");
    at = 0;
    n = splice(a, &at, ends[1], NULL, LARGE, 0);
    ok(n > 0 && n <= 65536 && at == n, "no more than the pipe takes");
    is_errno(splice(a, &at, ends[1], NULL, 100000, SPLICE_F_NONBLOCK), EAGAIN, "then no room");
    lseek(b, 0, SEEK_SET);
    pid_t pid = start();
    if (pid == 0) { /* all of a file through the pipe */
        close(ends[0]);
        for (long rest = LARGE - n; rest > 0; rest -= sum)
            if ((sum = splice(a, &at, ends[1], NULL, (size_t)rest, 0)) <= 0)
                _exit(1);
        _exit(0);
    }
    close(ends[1]);
    while ((n = splice(ends[0], NULL, b, NULL, LARGE, 0)) > 0)
        sum += n;
    ok(n == 0 && sum == LARGE && holds(b, 0, large, LARGE) && reap_exit(pid) == 0,
       "until the writer has gone");
    is_errno(splice(a, NULL, b, NULL, 10, 0), EINVAL, "no pipe");
    is_errno(splice(more[0], NULL, more[1], NULL, 10, 0), EINVAL, "the same pipe");
    is_errno(splice(more[0], &at, b, NULL, 10, 0), ESPIPE, "a pipe has no offset");
    is_errno(splice(more[1], NULL, b, NULL, 10, 0), EBADF, "the wrong end");
    is_errno(splice(a, NULL, more[1], NULL, 10, 64), EINVAL, "flags");
    close(ends[0]);
    ok(ioctl(more[0], 0x541b, &queued) == 0 && queued == 0, "nothing is left");
    signal(SIGPIPE, SIG_IGN);
    close(more[0]);
    at = 0;
    is_errno(splice(a, &at, more[1], NULL, 10, 0), EPIPE, "nobody reads");
    close(more[1]);
    close(a);
    close(b);
}

static void tees(void) {
    int from[2], to[2];

    if (pipe(from) < 0 || pipe(to) < 0)
        bail("pipe");
    is_errno(tee(from[0], to[1], 100, SPLICE_F_NONBLOCK), EAGAIN, "tee: nothing there");
    if (write(from[1], large, 30000) != 30000)
        bail("write");
    is_int(tee(from[0], to[1], 100, 0), 100, "it copies");
    is_int(tee(from[0], to[1], 1000000, 0), 30000, "from the start, all there is");
    ok(read(to[0], back, 30100) == 30100 && !memcmp(back, large, 100) &&
           !memcmp(back + 100, large, 30000),
       "the bytes");
    ok(read(from[0], back, 65536) == 30000 && !memcmp(back, large, 30000), "they are still there");
    pid_t pid = start();
    if (pid == 0)
        _exit(tee(from[0], to[1], 10, 0) == 5 ? 0 : 1);
    let_block();
    if (write(from[1], "later", 5) != 5)
        bail("write");
    is_int(reap_exit(pid), 0, "it waits for some");
    is_errno(tee(from[0], from[1], 10, 0), EINVAL, "the same pipe");
    is_errno(tee(from[1], to[1], 10, 0), EBADF, "the wrong end");
    is_errno(tee(0, to[1], 10, 0), EINVAL, "no pipe");
    if (read(from[0], back, 5) != 5)
        bail("read");
    close(from[1]);
    is_int(tee(from[0], to[1], 10, 0), 0, "the writer has gone");
    close(from[0]);
    close(to[0]);
    close(to[1]);
}

static void vmsplices(void) {
    struct iovec in[2] = {{large, 10}, {large + 100, 20}}, out = {back, 100};
    int ends[2];

    if (pipe(ends) < 0)
        bail("pipe");
    is_int(vmsplice(ends[1], in, 2, 0), 30, "vmsplice into a pipe");
    is_int(vmsplice(ends[0], &out, 1, 0), 30, "and out of it");
    ok(!memcmp(back, large, 10) && !memcmp(back + 10, large + 100, 20), "the bytes");
    is_errno(vmsplice(ends[0], &out, 1, SPLICE_F_NONBLOCK), EAGAIN, "nothing there");
    is_errno(vmsplice(1000, &out, 1, 0), EBADF, "no descriptor");
    close(ends[0]);
    close(ends[1]);
}

/* ---- preadv2, pwritev2 ---- */

static void flagged(void) {
    struct iovec in = {large, 100}, out = {back, 100};
    int a = make(0, "", 0), ends[2];

    if (pipe(ends) < 0)
        bail("pipe");
    is_int(pwritev2(a, &in, 1, 0, RWF_SYNC | RWF_HIPRI), 100, "pwritev2");
    is_int(preadv2(a, &out, 1, 50, RWF_NOWAIT), 50, "preadv2");
    ok(!memcmp(back, large + 50, 50) && lseek(a, 0, SEEK_CUR) == 0, "at its offset");
    is_int(pwritev2(a, &in, 1, -1, RWF_DSYNC), 100, "offset -1: where the file stands");
    is_int(lseek(a, 0, SEEK_CUR), 100, "which moves");
    is_errno(preadv2(a, &out, 1, -2, 0), EINVAL, "another negative offset");
    is_errno(preadv2(a, &out, 1, 0, 0x4000), EOPNOTSUPP, "a flag that nobody knows");
    is_errno(preadv2(ends[0], &out, 1, -1, RWF_NOWAIT), EAGAIN, "a pipe with nothing in it");
    is_int(pwritev2(ends[1], &in, 1, -1, 0), 100, "a pipe");
    is_int(preadv2(ends[0], &out, 1, -1, RWF_NOWAIT), 100, "and back");
    is_errno(preadv2(ends[0], &out, 1, 0, 0), ESPIPE, "it has no offsets");
    close(ends[0]);
    close(ends[1]);
    close(a);
}

int main(void) {
    for (int i = 0; i < LARGE; i++)
        large[i] = (char)(i * 7 + i / 251);
    copies();
    splices();
    tees();
    vmsplices();
    flagged();
    unlink(names[0]);
    unlink(names[1]);
    return done();
}
