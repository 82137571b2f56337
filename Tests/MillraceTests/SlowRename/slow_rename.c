// SPDX-License-Identifier: Apache-2.0

// A library to preload into a process whose shards' renames are to take long: it comes back from `rename` only
// SLOW_RENAME_MS milliseconds after a file has got its name as a published shard, so that a test finds the process
// between that and the commit. Built by `clang -shared -fPIC -o slow_rename.so slow_rename.c`.

#define _GNU_SOURCE
#include <dlfcn.h>
#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

static int ends_with(const char *text, const char *end) {
    size_t length = strlen(text), end_length = strlen(end);
    return length >= end_length && strcmp(text + length - end_length, end) == 0;
}

int rename(const char *from, const char *to) {
    int (*real)(const char *, const char *) = (int (*)(const char *, const char *))dlsym(RTLD_NEXT, "rename");
    int result = real(from, to);
    const char *milliseconds = getenv("SLOW_RENAME_MS");
    if (result == 0 && milliseconds && ends_with(to, ".jsonl.zst")) {
        long amount = atol(milliseconds);
        struct timespec left = {amount / 1000, amount % 1000 * 1000000};
        while (nanosleep(&left, &left) != 0 && errno == EINTR) {
        }
    }
    return result;
}
