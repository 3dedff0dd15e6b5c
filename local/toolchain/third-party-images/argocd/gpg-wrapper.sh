#!/bin/sh
# gpg ends with 1 for a signature that it can't verify; Argo CD reads that from the output.
output=$(gpg "$@" 2>&1)
code=$?
if [ "$code" -gt 1 ]; then
  printf '%s\n' "$output" >&2
  exit "$code"
fi
printf '%s\n' "$output"
