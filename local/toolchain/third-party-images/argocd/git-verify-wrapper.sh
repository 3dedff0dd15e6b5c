#!/bin/sh
# Verifies the signature of an annotated tag, or of a commit. 1 means "not signed", which is an answer too.
[ -n "$1" ] || { echo "usage: git-verify-wrapper.sh REVISION" >&2; exit 1; }
if git describe --exact-match "$1" >/dev/null 2>&1; then kind=tag; else kind=commit; fi
output=$(git "verify-$kind" "$1" 2>&1)
code=$?
if [ "$code" -gt 1 ]; then
  printf '%s\n' "$output" >&2
  exit "$code"
fi
# A tag without signature makes git print an error that is no gpg output.
case "$code$kind$output" in 1tagerror:*) output= ;; esac
printf '%s\n' "$output"
