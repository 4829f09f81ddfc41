/* SPDX-License-Identifier: MIT */
/*
 * A chat: what one says goes to the room's mailbox, and from there to the mailbox of everybody else. Who has said something
 * listens until he has heard as much of each of the others; so no mailbox gets so full that all wait for room.
 */
#include "ipc.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define GUESTS 4

static int room, mailboxes[GUESTS];
static long lines = 50; /* that each says */

struct line {
    int guest;
    long number;
    char text[64];
};

static void say(int guest, long number) {
    struct line line = {.guest = guest, .number = number};

    snprintf(line.text, sizeof line.text, "line %ld of guest %d", number, guest);
    ipc_send(room, &line, sizeof line);
}

/* The next line of somebody else; each one's lines come in their order. */
static bool hear(int guest, long heard[GUESTS]) {
    char message[MESSAGE_MOST], text[64];
    struct line line;

    if (ipc_receive(mailboxes[guest], message, sizeof message) != sizeof line)
        return false;
    memcpy(&line, message, sizeof line);
    if (line.guest < 0 || line.guest >= GUESTS || line.guest == guest)
        return false;
    snprintf(text, sizeof text, "line %ld of guest %d", heard[line.guest]++, line.guest);
    return strcmp(text, line.text) == 0;
}

static bool chat(int guest) {
    long heard[GUESTS] = {0};
    bool good = true;

    for (long i = 0; i < lines; i++) {
        say(guest, i);
        for (int other = 1; other < GUESTS; other++)
            good &= hear(guest, heard);
    }
    return good;
}

static bool relay(int number) {
    char message[MESSAGE_MOST];
    struct line line;

    (void)number;
    for (long i = 0; i < GUESTS * lines; i++) {
        if (ipc_receive(room, message, sizeof message) != sizeof line)
            return false;
        memcpy(&line, message, sizeof line);
        for (int guest = 0; guest < GUESTS; guest++) {
            if (guest != line.guest)
                ipc_send(mailboxes[guest], &line, sizeof line);
        }
    }
    return true;
}

int main(int argc, char **argv) {
    bool good;

    if (argc > 1)
        lines = atol(argv[1]);
    room = ipc_mailbox();
    for (int i = 0; i < GUESTS; i++)
        mailboxes[i] = ipc_mailbox();
    ipc_start(relay, 0);
    for (int i = 0; i < GUESTS; i++)
        ipc_start(chat, i);
    good = ipc_wait();
    printf("chat, %s: %d guests said %ld lines each, and heard all others: %s\n", ipc_name, GUESTS,
           lines, good ? "right" : "wrong");
    return ipc_end(good);
}
