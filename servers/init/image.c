/* SPDX-License-Identifier: MIT */
/* The boot image as init sees it: one memory object, mapped read-only, from which servers are started anew, too. */
#include "init.h"
#include <common/cpio.h>
#include <lib/server.h>

static const char *image;
static uint64_t image_size;

long image_open(void) {
    struct pk_object_info info;
    long error = pk_object_info(boot_caps.initrd, &info);
    if (error < 0)
        return error;
    image_size = info.size;
    long at = pk_map(0, 0, image_size, PK_PROT_READ | PK_MAP_SHARED, boot_caps.initrd, 0, 0);
    if (at < 0)
        return at;
    image = (const char *)at;
    return 0;
}

long image_find(const char *name, struct boot_file *out) {
    const void *data;
    size_t size;
    int error = cpio_find(image, image_size, name, &data, &size);
    if (error < 0)
        return error;
    *out = (struct boot_file){data, size, (uint64_t)((const char *)data - image)};
    return 0;
}

long image_object(const struct boot_file *file) {
    return pk_object_create(file->size, boot_caps.initrd, file->offset);
}
