/* SPDX-License-Identifier: MIT */
/* The shell's built-ins, by scripts whose output POSIX says; dash, which is Linux's /bin/sh in Debian, says the same. */
#include "tap.h"

static const struct script {
    const char *name, *text, *output;
} scripts[] = {
    {"printf's conversions", "printf '%05d|%-4s|%x|%c|%o|%.2s|%%\\n' 42 ab 255 xyz 8 long",
     "00042|ab  |ff|x|10|lo|%\n"},
    {"printf uses its format again", "printf '%s-%d\\n' a 1 b 2 c", "a-1\nb-2\nc-0\n"},
    {"printf's escapes", "printf 'a\\tb\\101\\n'; printf '%b' 'x\\ty\\0101\\n'", "a\tbA\nx\tyA\n"},
    {"printf %b ends at \\c", "printf '%b|%s' 'a\\cb' c; echo", "a\n"},
    {"printf without arguments", "printf '[%s] [%d]\\n'", "[] [0]\n"},
    {"printf of character codes", "printf '%d %d\\n' \"'A\" 0x10", "65 16\n"},
    {"printf says what is no number", "printf '%d\\n' 12x 2>/dev/null; echo $?", "12\n1\n"},
    {"printf with stars", "printf '%*d|%-*d|\\n' 4 7 3 8", "   7|8  |\n"},
    {"getopts",
     "set -- -a -b val rest; while getopts ab: o; do echo $o $OPTARG; done; "
     "shift $((OPTIND - 1)); echo $*",
     "a\nb val\nrest\n"},
    {"getopts takes options together",
     "set -- -xyz1; while getopts xyz: o; do echo $o $OPTARG; done", "x\ny\nz 1\n"},
    {"getopts that is quiet", "set -- -q -b; while getopts :b: o; do echo $o $OPTARG; done",
     "? q\n: b\n"},
    {"getopts ends at --", "set -- -a -- -b; while getopts ab o; do echo $o; done; echo $OPTIND",
     "a\n3\n"},
    {"getopts again", "f() { OPTIND=1; while getopts a o; do echo $1 $o; done; }; f -a; f -a",
     "-a a\n-a a\n"},
    {"cd keeps the names of links",
     "mkdir -p /tmp/t_shell/real/sub; cd /tmp/t_shell; ln -s real/sub link; cd link; pwd; pwd -P; "
     "cd ..; pwd; cd -P link; pwd; cd /; rm -r /tmp/t_shell",
     "/tmp/t_shell/link\n/tmp/t_shell/real/sub\n/tmp/t_shell\n/tmp/t_shell/real/sub\n"},
    {"cd -", "cd /tmp; cd /; cd -", "/tmp\n"},
    {"cd to where nothing is", "cd /tmp; cd /nowhere 2>/dev/null; pwd", "/tmp\n"},
    {"cd takes dots as text", "cd /usr/./bin/../../tmp; pwd", "/tmp\n"},
    {"fields of ${x:-word}",
     "unset x; for i in ${x:-a 'b c'  d} -${x-e \"f  g\" h}- \"${x:-i  j}\"; do echo \"[$i]\"; "
     "done",
     "[a]\n[b c]\n[d]\n[-e]\n[f  g]\n[h-]\n[i  j]\n"},
    {"and not in assignments",
     "unset x; y=${x:-a  b}; echo \"$y\"; IFS=,; set -- ${x:-p,q r}; echo $#", "a  b\n2\n"},
    {"read -r", "printf 'a\\\\tb\\n' | { read -r x; printf '[%s]\\n' \"$x\"; }", "[a\\tb]\n"},
};

/* What /bin/sh prints of a script; NULL if it cannot be run. */
static const char *output_of(const char *text) {
    static char output[4096];
    size_t length = 0;
    ssize_t n;
    int pipes[2];
    pid_t pid;

    if (pipe(pipes) < 0 || (pid = start()) < 0)
        return NULL;
    if (pid == 0) {
        dup2(pipes[1], STDOUT_FILENO);
        close(pipes[0]);
        close(pipes[1]);
        execl("/bin/sh", "sh", "-c", text, (char *)NULL);
        _exit(127);
    }
    close(pipes[1]);
    while ((n = read(pipes[0], output + length, sizeof(output) - 1 - length)) > 0)
        length += (size_t)n;
    close(pipes[0]);
    reap(pid);
    output[length] = 0;
    return output;
}

int main(void) {
    for (size_t i = 0; i < sizeof(scripts) / sizeof(scripts[0]); i++) {
        const char *output = output_of(scripts[i].text);

        bool good = output && !strcmp(output, scripts[i].output);
        ok(good, "%s", scripts[i].name);
        if (!good)
            printf("# got: %s\n", output);
    }
    return done();
}
