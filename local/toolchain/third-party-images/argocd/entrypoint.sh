#!/bin/sh
# As process 1, tini reaps what git and gpg leave behind.
[ "$$" = 1 ] && exec tini -- "$@"
exec "$@"
