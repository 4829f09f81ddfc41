# SPDX-License-Identifier: MIT
"""What the tools share: packages, the build, the boot image, QEMU, and panic decoding."""
