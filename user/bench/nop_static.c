/* SPDX-License-Identifier: MIT */
/* A static glibc program that does nothing: what is executed for the row fork_exec_glibc. */
int main(void) {
    return 0;
}
