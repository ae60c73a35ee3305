#pragma once
#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <poll.h>
#include <signal.h>
#include <spawn.h>
#include <stdlib.h>
#include <string.h>
#include <sys/file.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <time.h>
#include <unistd.h>

/// Why: a macro.
static inline int cglibc_errno(void) { return errno; }

/// Why: variadic.
static inline int cglibc_open(const char *_Nonnull path, int flags) { return open(path, flags); }

/// Why: variadic.
static inline int cglibc_openat(int directory, const char *_Nonnull path, int flags, mode_t mode) {
    return openat(directory, path, flags, mode);
}

/// Why: variadic. F_GETFD; -1 where nothing is open.
static inline int cglibc_descriptor_flags(int descriptor) { return fcntl(descriptor, F_GETFD); }

/// Why: SIG_IGN is a macro with a cast.
static inline void cglibc_ignore(int number) { signal(number, SIG_IGN); }

/// Why: Swift takes `environ` for a variable that anybody may change at any time.
char *_Nullable *_Nonnull cglibc_environment(void);

/// Why: Embedded Swift has no CommandLine. As main has it, the null pointer at its end too.
char *_Nullable *_Nonnull cglibc_arguments(void);
