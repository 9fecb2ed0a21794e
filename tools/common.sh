# Read by the scripts of this folder: where the project is and how they talk.
root=$(cd "$(dirname "${BASH_SOURCE[0]}")/.." && pwd)
name=tools/${0##*/}
build_dir=${JETCAL_BUILD_DIR:-$root/build}
[[ $build_dir == /* ]] || build_dir=$PWD/$build_dir

# One line a phase.
say() { printf '== %s\n' "$*"; }

# Ends with status 1, or 2 for a wrong command line (usage_error).
fail() { printf '%s: %s\n' "$name" "$*" >&2; exit 1; }
usage_error() { printf '%s: %s. Try %s --help\n' "$name" "$*" "$name" >&2; exit 2; }

# The comment at the head of the calling script, as --help.
show_help() { sed -n '2,/^[^#]/{/^#/!d;s/^# \{0,1\}//;p}' "$0"; }
