/* SPDX-License-Identifier: MIT */
/* The readers of the boot image and of ELF headers, with good and with damaged input. */
#include "support.h"
#include <common/cpio.h>
#include <common/elf.h>
#include <elf.h>
#include <errno.h>
#include <stdio.h>

static char archive[4096];
static size_t length;

static void add(const char *name, const char *data, size_t size) {
    char header[120];
    snprintf(header, sizeof header, "070701%08X%08X%08X%08X%08X%08X%08X%08X%08X%08X%08X%08X%08X", 1,
             0100644, 0, 0, 1, 0, (uint32_t)size, 0, 0, 0, 0, (uint32_t)strlen(name) + 1, 0);
    memset(archive + length, 0, 300);
    memcpy(archive + length, header, 110);
    memcpy(archive + length + 110, name, strlen(name) + 1);
    length = (length + 110 + strlen(name) + 1 + 3) & ~3ul;
    memcpy(archive + length, data, size);
    length = (length + size + 3) & ~3ul;
}

static void make_archive(void) {
    memset(archive, 0, sizeof archive);
    length = 0;
    add("boot/init", "first", 5);
    add("boot/empty", "", 0);
    add("boot/init2", "other", 5);
    add("TRAILER!!!", "", 0);
}

static void cpio_finds(void **state) {
    const void *data;
    size_t size;
    (void)state;
    make_archive();
    assert_int_equal(cpio_find(archive, length, "boot/init", &data, &size), 0);
    assert_int_equal(size, 5);
    assert_memory_equal(data, "first", 5);
    assert_int_equal(cpio_find(archive, length, "boot/init2", &data, &size), 0);
    assert_memory_equal(data, "other", 5);
    assert_int_equal(cpio_find(archive, length, "boot/empty", &data, &size), 0);
    assert_int_equal(size, 0);
    assert_int_equal(cpio_find(archive, length, "boot", &data, &size), -ENOENT);
    assert_int_equal(cpio_find(archive, length, "TRAILER!!!", &data, &size), -ENOENT);
}

static void cpio_cut_off(void **state) {
    const void *data;
    size_t size;
    (void)state;
    make_archive();
    for (size_t n = 0; n < length; n++) {
        char *copy = malloc(n ? n : 1);
        memcpy(copy, archive, n);
        assert_int_equal(cpio_find(copy, n, "not there", &data, &size), -EINVAL);
        free(copy);
    }
}

static void cpio_damaged(void **state) {
    (void)state;
    for (unsigned round = 0; round < 100000; round++) {
        make_archive();
        char *copy = malloc(length);
        memcpy(copy, archive, length);
        for (unsigned n = 1 + (unsigned)(random_number() % 8); n > 0; n--)
            copy[random_number() % length] = random_number() % 2
                                                 ? "0123456789abcdefABCDEF"[random_number() % 22]
                                                 : (char)random_number();
        const void *data = NULL;
        size_t size = 0;
        int result = cpio_find(copy, length, "boot/init2", &data, &size);
        assert_true(result == 0 || result == -ENOENT || result == -EINVAL);
        if (result == 0) {
            assert_true((const char *)data >= copy);
            assert_true(size <= length - (size_t)((const char *)data - copy));
        }
        free(copy);
    }
}

struct image {
    Elf64_Ehdr header;
    Elf64_Phdr segments[3];
};

static struct image make_image(void) {
    struct image i;
    memset(&i, 0, sizeof i);
    memcpy(i.header.e_ident, "\177ELF\2\1\1", 7);
    i.header.e_type = ET_EXEC;
    i.header.e_machine = EM_RISCV;
    i.header.e_version = 1;
    i.header.e_entry = 0x10078;
    i.header.e_phoff = sizeof i.header;
    i.header.e_ehsize = sizeof i.header;
    i.header.e_phentsize = sizeof(Elf64_Phdr);
    i.header.e_phnum = 3;
    i.segments[0] = (Elf64_Phdr){PT_LOAD, PF_R | PF_X, 0, 0x10000, 0x10000, 200, 200, 4096};
    i.segments[1] = (Elf64_Phdr){PT_LOAD, PF_R | PF_W, 100, 0x12000, 0x12000, 50, 9000, 4096};
    i.segments[2] = (Elf64_Phdr){PT_INTERP, PF_R, 10, 0x10010, 0x10010, 20, 20, 1};
    return i;
}

static void elf_good(void **state) {
    (void)state;
    struct image image = make_image();
    struct elf_image e;
    struct elf_segment s;
    assert_int_equal(elf_read(&image, sizeof image, &e), 0);
    assert_int_equal(e.entry, 0x10078);
    assert_int_equal(e.type, ELF_EXECUTABLE);
    assert_int_equal(e.phnum, 3);
    assert_int_equal(elf_segment(&image, sizeof image, &e, 1, &s), 0);
    assert_int_equal(s.type, ELF_LOAD);
    assert_int_equal(s.flags, ELF_FLAG_READ | ELF_FLAG_WRITE);
    assert_int_equal(s.address, 0x12000);
    assert_int_equal(s.memory_size, 9000);
    assert_int_equal(s.offset, 100);
    assert_int_equal(s.file_size, 50);
}

/* No bytes are nowhere outside the file. */
static void elf_without_bytes(void **state) {
    (void)state;
    struct image image = make_image();
    struct elf_image e;
    struct elf_segment s;
    image.segments[1].p_filesz = 0;
    image.segments[1].p_offset = 0x7010;
    image.segments[1].p_vaddr = 0x12010;
    assert_int_equal(elf_read(&image, sizeof image, &e), 0);
    assert_int_equal(elf_segment(&image, sizeof image, &e, 1, &s), 0);
    assert_int_equal(s.address, 0x12010);
    assert_int_equal(s.offset, 0x10);
    assert_int_equal(s.file_size, 0);
    assert_int_equal(s.memory_size, 9000);
}

static void elf_bad(void **state) {
    (void)state;
    struct elf_image e;
    struct elf_segment s;
    struct image image = make_image();
    for (size_t n = 0; n < sizeof image; n++)
        assert_int_equal(elf_read(&image, n, &e), -ENOEXEC);
    image.header.e_machine = EM_X86_64;
    assert_int_equal(elf_read(&image, sizeof image, &e), -ENOEXEC);
    image = make_image();
    image.header.e_phoff = UINT64_MAX - 10;
    assert_int_equal(elf_read(&image, sizeof image, &e), -ENOEXEC);
    image = make_image();
    image.header.e_phnum = 0xffff;
    assert_int_equal(elf_read(&image, sizeof image, &e), -ENOEXEC);
    image = make_image();
    assert_int_equal(elf_read(&image, sizeof image, &e), 0);
    image.segments[0].p_offset = UINT64_MAX - 5;
    assert_int_equal(elf_segment(&image, sizeof image, &e, 0, &s), -ENOEXEC);
    image.segments[0].p_offset = 10;
    image.segments[0].p_filesz = UINT64_MAX - 5;
    assert_int_equal(elf_segment(&image, sizeof image, &e, 0, &s), -ENOEXEC);
    image.segments[1].p_filesz = 0;
    image.segments[1].p_memsz = UINT64_MAX - 0x1000;
    assert_int_equal(elf_segment(&image, sizeof image, &e, 1, &s), -ENOEXEC);
}

static void elf_damaged(void **state) {
    (void)state;
    for (unsigned round = 0; round < 300000; round++) {
        struct image *image = malloc(sizeof *image);
        struct elf_image e;
        *image = make_image();
        for (unsigned n = 1 + (unsigned)(random_number() % 4); n > 0; n--)
            ((uint8_t *)image)[16 + random_number() % (sizeof *image - 16)] =
                (uint8_t)(random_number() % 3 ? random_number() : 0xff);
        size_t have = random_number() % 8 ? sizeof *image : random_number() % sizeof *image;
        uint8_t *part = malloc(have ? have : 1);
        memcpy(part, image, have);
        if (elf_read(part, have, &e) == 0)
            for (unsigned i = 0; i < e.phnum; i++) {
                struct elf_segment s;
                if (elf_segment(part, have, &e, i, &s) < 0)
                    continue;
                assert_true(s.file_size == 0 ||
                            (s.offset <= have && s.file_size <= have - s.offset));
                assert_true(s.address + s.memory_size >= s.address);
            }
        free(part);
        free(image);
    }
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(cpio_finds),        cmocka_unit_test(cpio_cut_off),
        cmocka_unit_test(cpio_damaged),      cmocka_unit_test(elf_good),
        cmocka_unit_test(elf_without_bytes), cmocka_unit_test(elf_bad),
        cmocka_unit_test(elf_damaged),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
