#pragma once
#include <libpq-fe.h>

// Swift does not import macros made of character literals: the field codes of PQresultErrorField.
static const int CPOSTGRES_DIAG_SEVERITY = PG_DIAG_SEVERITY_NONLOCALIZED;
static const int CPOSTGRES_DIAG_SQLSTATE = PG_DIAG_SQLSTATE;
static const int CPOSTGRES_DIAG_MESSAGE = PG_DIAG_MESSAGE_PRIMARY;
static const int CPOSTGRES_DIAG_DETAIL = PG_DIAG_MESSAGE_DETAIL;
static const int CPOSTGRES_DIAG_HINT = PG_DIAG_MESSAGE_HINT;
static const int CPOSTGRES_DIAG_CONTEXT = PG_DIAG_CONTEXT;
static const int CPOSTGRES_DIAG_SCHEMA = PG_DIAG_SCHEMA_NAME;
static const int CPOSTGRES_DIAG_TABLE = PG_DIAG_TABLE_NAME;
static const int CPOSTGRES_DIAG_CONSTRAINT = PG_DIAG_CONSTRAINT_NAME;

// libpq 17 can queue a Sync without pushing the buffer out each time; libpq 14 to 16 write once per Sync.
static inline int cpostgres_pipeline_sync(PGconn *connection) {
#ifdef LIBPQ_HAS_SEND_PIPELINE_SYNC
    return PQsendPipelineSync(connection);
#else
    return PQpipelineSync(connection);
#endif
}

// The Glibc module has neither eventfd nor anything to name a thread with.
#include <sys/eventfd.h>
#include <sys/prctl.h>

static inline int cpostgres_eventfd(void) { return eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK); }
static inline void cpostgres_name_thread(const char *name) { prctl(PR_SET_NAME, name); }
