# SPDX-License-Identifier: MIT
# How the tools start: their third line reads this, with $0 and $@ being theirs. It brings Python where
# that is missing and gives the tool to it, which takes that line for a string and goes on behind it.

parleytools=$(dirname "$(readlink -f "$0")")/parleytools
if [ -x /usr/bin/python3 ]; then # Debian's own, which has Debian's modules
    python=/usr/bin/python3
else
    python=$(command -v python3) || { "$parleytools/install" python3 && python=/usr/bin/python3; } || exit 1
fi
exec "$python" "$0" "$@"
