# SPDX-License-Identifier: MIT
"""A clean minimal root of a Debian suite, and running commands in it.

Everything runs in mount and process namespaces of its own: whatever is mounted and started in there
goes when they end, however they end. What stays is one folder, which the caller removes.
"""

import os
import shutil
import signal
import subprocess
import urllib.error
import urllib.request

from .packages import ToolError

KEYRING = "/usr/share/keyrings/debian-archive-keyring.gpg"
PACKAGES = {"mmdebstrap": "mmdebstrap", "debian-archive-keyring": KEYRING, "git": "git"}
MIRROR = "http://deb.debian.org/debian"
NAMESPACES = ["unshare", "--mount", "--pid", "--fork", "--kill-child", "--"]
MOUNTS = """
mount -t proc proc "$0/proc" &&
mount -t tmpfs tmpfs "$0/dev/shm" &&
mount -t devpts -o newinstance,ptmxmode=0666 devpts "$0/dev/pts" &&
mount --bind "$0/dev/pts/ptmx" "$0/dev/ptmx" &&
exec chroot "$0" "$@"
"""
PROXIES = ("http_proxy", "https_proxy", "no_proxy")


def run_inside(command, show):
    """Run a command in namespaces of its own, with each line of its output given to show(); its status.

    When this is left by an exception, everything that the command started has ended.
    """
    with subprocess.Popen(NAMESPACES + command, stdin=subprocess.DEVNULL, stdout=subprocess.PIPE,
                          stderr=subprocess.STDOUT, text=True, errors="replace",
                          start_new_session=True) as process:
        try:
            for line in process.stdout:
                show(line.rstrip("\n"))
        except BaseException:
            end(process)
            raise
        return process.wait()


def end(process):
    """End the first process of the namespace: it is gone only when all others are."""
    with open(f"/proc/{process.pid}/task/{process.pid}/children", encoding="utf-8") as stream:
        children = [int(pid) for pid in stream.read().split()]
    for pid in children or [process.pid]:
        try:
            os.kill(pid, signal.SIGKILL)
        except ProcessLookupError:
            pass
    process.wait()


def apt_says(command):
    """The first line of what one of apt's tools says, or nothing."""
    if shutil.which(command[0]) is None:
        return ""
    out = subprocess.run(command, capture_output=True, text=True, check=False).stdout
    return out.partition("\n")[0].strip()


def mirror():
    """Where this machine's own apt gets Debian's packages from."""
    return apt_says(["apt-get", "indextargets", "--format", "$(REPO_URI)", "Label: Debian"]) or MIRROR


def obstacle(suites, source):
    """Why no clean root can be made on this machine, or None."""
    if os.geteuid() != 0:
        return "not root"
    if run_inside(["mount", "-t", "tmpfs", "tmpfs", "/mnt"], lambda _: None) != 0:
        return "no namespace to mount in"
    for suite in suites:
        release = f"{source.rstrip('/')}/dists/{suite}/Release"
        try:
            urllib.request.urlopen(release, timeout=60).close()
        except urllib.error.HTTPError as error:
            raise ToolError(f"{release}: {error}") from error
        except OSError as error:
            return f"{release} cannot be reached: {error}"
    return None


def make(suite, root, source, show):
    """A root with the suite's essential packages and apt."""
    proxy = apt_says(["apt-config", "dump", "--format", "%v", "Acquire::http::Proxy"])
    command = ["mmdebstrap", "--quiet", "--mode=root", "--variant=minbase", f"--keyring={KEYRING}",
               "--dpkgopt=force-unsafe-io"]
    if proxy:
        command.append(f'--aptopt=Acquire::http::Proxy "{proxy}"')
    if run_inside(command + [suite, root, source], show) != 0:
        raise ToolError(f"mmdebstrap made no root of {suite}")


def clone(top, root, folder):
    """What is committed, in a folder of the root."""
    subprocess.run(["git", "clone", "--quiet", "--depth", "1", "file://" + top,
                    root + folder], check=True)


def run(root, folder, command, show):
    """Run a line of sh in a folder of the root; its status."""
    environment = ["HOME=/root", "PATH=/usr/sbin:/usr/bin:/sbin:/bin", "LANG=C.UTF-8"]
    environment += [f"{name}={os.environ[name]}" for name in PROXIES if name in os.environ]
    return run_inside(["sh", "-c", MOUNTS, root, "env", "-i", *environment,
                       "sh", "-c", f"cd {folder} && {command}"], show)
