#include "CGlibc.h"

extern char **environ;

static char *_Nullable *_Nonnull arguments;

// glibc calls constructors with what it calls main with.
__attribute__((constructor)) static void keep_arguments(int count, char **values) {
    (void)count;
    arguments = values;
}

char *_Nullable *_Nonnull cglibc_arguments(void) { return arguments; }

char *_Nullable *_Nonnull cglibc_environment(void) { return environ; }
