/* SPDX-License-Identifier: MIT */
/*
 * Calls that fail only if whoever makes them is wrong: to drop a capability of one's own, to notify one's own
 * notification, to unmap a whole region of one's own. A server for which that fails has lost count of what
 * it has, and what it would do next can only be worse: it ends here, with a line that says where, and init
 * starts it anew.
 *
 * Not for what can fail for want of memory, nor for what depends on a client: those errors are the client's.
 */
#ifndef LIB_MUST_H
#define LIB_MUST_H

/* Says which call failed, with its negative errno, and ends the server. */
_Noreturn void must_failed(const char *call, long error) __attribute__((cold));

/* The result of a call: zero or positive. */
static inline long must_succeed(long result, const char *call) {
    if (__builtin_expect(result < 0, 0))
        must_failed(call, result);
    return result;
}

#define MUST_LINE(line) #line
#define MUST_WHERE(file, line) file ":" MUST_LINE(line) ": "
#define must(call) must_succeed(call, MUST_WHERE(__FILE_NAME__, __LINE__) #call)

#endif
