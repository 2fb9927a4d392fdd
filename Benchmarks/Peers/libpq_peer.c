// `libpq-peer ROW`: the rows of `dev/bench postgres` done with libpq. `libpq-peer list` names them all. In `libpq-peer one-sync ROW`
// the queries that go out together are one transaction, and the server answers them together: cheaper for both, but an error of one
// fails all of them. Otherwise each is a transaction of its own, as it is with ours.
//
// Samples follow the rules of Sources/Measuring/Sampler.swift: three of them, each of 200 ms or more, after a warm-up that is the
// search for a number of operations that fills a sample.
#define _GNU_SOURCE
#include <endian.h>
#include <libpq-fe.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <poll.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <time.h>

static const uint64_t MINIMUM_SAMPLE = 200000000;
enum { SAMPLES = 3, IN_FLIGHT = 32, IDS = 1000, ROWS = 100000, TEXT_LENGTH = 32, INT4 = 23 };

#define ONE "select number, name from weir_bench_one where id = $1"
#define ALL "select a, b, c, d, e from weir_bench_rows"

_Noreturn static void fail(const char *what, const char *why) {
    fprintf(stderr, "libpq-peer: %s: %s\n", what, why != NULL ? why : "");
    exit(1);
}

static void *checked(void *memory) {
    if (memory == NULL) fail("memory", "there is none left");
    return memory;
}

static uint64_t nanoseconds(clockid_t clock) {
    struct timespec now;
    clock_gettime(clock, &now);
    return (uint64_t)now.tv_sec * 1000000000 + (uint64_t)now.tv_nsec;
}

// MARK: - Samples

typedef void (*operation_body)(void *context, uint64_t operations);

static uint64_t spent_by(operation_body body, void *context, uint64_t operations) {
    uint64_t start = nanoseconds(CLOCK_PROCESS_CPUTIME_ID);
    body(context, operations);
    return nanoseconds(CLOCK_PROCESS_CPUTIME_ID) - start;
}

// Microseconds of the process's processor time per operation; an operation stands for so many of what the row counts.
static void measure(const char *row, operation_body body, void *context, uint64_t operations, double per_operation) {
    for (;;) {
        uint64_t spent = spent_by(body, context, operations);
        if (spent >= MINIMUM_SAMPLE) break;
        // A tenth more than should do, at most 32 times as many.
        double factor = (double)MINIMUM_SAMPLE / (double)(spent > 0 ? spent : 1) * 1.1;
        factor = factor < 1.1 ? 1.1 : factor > 32 ? 32 : factor;
        operations = (uint64_t)((double)operations * factor) + 1;
    }
    for (int sample = 0; sample < SAMPLES; sample++) {
        double spent = (double)spent_by(body, context, operations);
        printf("SAMPLE %s %.6g us\n", row, spent / 1000 / (double)operations / per_operation);
    }
}

// MARK: - Values

static volatile uint64_t sink;

static int32_t int4(const char *bytes) {
    uint32_t word;
    memcpy(&word, bytes, sizeof word);
    return (int32_t)be32toh(word);
}

static int64_t int8(const char *bytes) {
    uint64_t word;
    memcpy(&word, bytes, sizeof word);
    return (int64_t)be64toh(word);
}

static double float8(const char *bytes) {
    int64_t bits = int8(bytes);
    double value;
    memcpy(&value, &bits, sizeof value);
    return value;
}

// A copy of a column of text, terminated.
static char *text(const PGresult *result, int row, int column) {
    size_t length = (size_t)PQgetlength(result, row, column);
    char *copy = checked(malloc(length + 1));
    memcpy(copy, PQgetvalue(result, row, column), length);
    copy[length] = 0;
    return copy;
}

// MARK: - With a server

// Connects to WEIR_POSTGRES_URL in plain text and prepares both statements.
static PGconn *connected(void) {
    const char *url = getenv("WEIR_POSTGRES_URL");
    if (url == NULL) fail("WEIR_POSTGRES_URL", "names no Postgres");
    const char *const words[] = {"dbname", "sslmode", "gssencmode", NULL};
    const char *const values[] = {url, "disable", "disable", NULL};
    PGconn *connection = PQconnectdbParams(words, values, 1);
    if (PQstatus(connection) != CONNECTION_OK) fail("connecting", PQerrorMessage(connection));
    const Oid types[] = {INT4};
    PGresult *one = PQprepare(connection, "one", ONE, 1, types), *all = PQprepare(connection, "all", ALL, 0, NULL);
    if (PQresultStatus(one) != PGRES_COMMAND_OK || PQresultStatus(all) != PGRES_COMMAND_OK) {
        fail("preparing", PQerrorMessage(connection));
    }
    PQclear(one);
    PQclear(all);
    return connection;
}

static void expect_one(PGconn *connection, const PGresult *result, uint64_t number) {
    if (PQresultStatus(result) != PGRES_TUPLES_OK || PQntuples(result) != 1) fail("a query", PQerrorMessage(connection));
    char name[32];
    int length = PQgetlength(result, 0, 1);
    if (length > (int)sizeof name) fail("a query", "a name of a few bytes was set");
    memcpy(name, PQgetvalue(result, 0, 1), (size_t)length);
    sink += (unsigned char)name[length - 1];
    if (int8(PQgetvalue(result, 0, 0)) != (int64_t)(number % IDS + 1) * 1000003) fail("a query", "another's row");
}

static int one_sync;

static void push(PGconn *connection, uint64_t number) {
    uint32_t id = htobe32((uint32_t)(number % IDS + 1));
    const char *const values[] = {(const char *)&id};
    const int lengths[] = {sizeof id}, formats[] = {1};
    if (!PQsendQueryPrepared(connection, "one", 1, values, lengths, formats, 1)) fail("sending", PQerrorMessage(connection));
}

static void push_sync(PGconn *connection) {
    if (!PQpipelineSync(connection)) fail("sending", PQerrorMessage(connection));
}

// PQpipelineSync of this version hands each Sync to the socket at once: the socket collects them, for one packet.
static void hold_back(PGconn *connection, int on) {
    if (setsockopt(PQsocket(connection), IPPROTO_TCP, TCP_CORK, &on, sizeof on) != 0) fail("TCP_CORK", NULL);
}

// A closed loop of so many in flight. What the results of one read ask for goes out together.
static void in_flight(void *context, uint64_t operations) {
    PGconn *connection = context;
    uint64_t sent = 0, received = 0;
    int corked = 0, unsynced = 0;
    while (received < operations) {
        while (sent < operations && sent - received < IN_FLIGHT) {
            if (!one_sync && !corked) hold_back(connection, corked = 1);
            push(connection, sent++);
            if (one_sync) unsynced = 1; else push_sync(connection);
        }
        if (PQisBusy(connection)) {
            if (unsynced) {
                push_sync(connection);
                unsynced = 0;
            }
            if (corked) hold_back(connection, corked = 0);
            struct pollfd readable = {.fd = PQsocket(connection), .events = POLLIN};
            if (poll(&readable, 1, -1) < 0 || !PQconsumeInput(connection)) fail("reading", PQerrorMessage(connection));
            continue;
        }
        PGresult *result = PQgetResult(connection);
        if (result == NULL) continue; // between the results of two queries
        if (PQresultStatus(result) != PGRES_PIPELINE_SYNC) expect_one(connection, result, received++);
        PQclear(result);
    }
    if (corked) hold_back(connection, 0);
    if (unsynced) push_sync(connection);
    // The Syncs of the last ones.
    for (PGresult *result; PQpipelineStatus(connection) == PQ_PIPELINE_ON;) {
        if ((result = PQgetResult(connection)) == NULL && PQexitPipelineMode(connection)) break;
        PQclear(result);
    }
    if (!PQenterPipelineMode(connection)) fail("pipeline", PQerrorMessage(connection));
}

static void query_in_handler(const char *row) {
    PGconn *connection = connected();
    if (PQsetnonblocking(connection, 1) != 0 || !PQenterPipelineMode(connection)) fail("pipeline", PQerrorMessage(connection));
    measure(row, in_flight, connection, 1024, 1);
    PQfinish(connection);
}

static int ascending(const void *one, const void *other) {
    uint64_t left = *(const uint64_t *)one, right = *(const uint64_t *)other;
    return (left > right) - (left < right);
}

// The time that passes over a query which waits for the one before it: the median of those that fill a sample.
static void query_one_at_a_time(const char *row) {
    PGconn *connection = connected();
    size_t capacity = 1 << 16;
    uint64_t *latencies = checked(malloc(capacity * sizeof *latencies));
    for (int sample = -1; sample < SAMPLES; sample++) { // one to warm up
        size_t count = 0;
        uint64_t start = nanoseconds(CLOCK_MONOTONIC), before = start;
        while (before - start < 500000000) {
            uint32_t id = htobe32((uint32_t)(count % IDS + 1));
            const char *const values[] = {(const char *)&id};
            const int lengths[] = {sizeof id}, formats[] = {1};
            PGresult *result = PQexecPrepared(connection, "one", 1, values, lengths, formats, 1);
            expect_one(connection, result, count);
            PQclear(result);
            uint64_t after = nanoseconds(CLOCK_MONOTONIC);
            if (count == capacity) {
                capacity *= 2;
                latencies = checked(realloc(latencies, capacity * sizeof *latencies));
            }
            latencies[count++] = after - before;
            before = after;
        }
        qsort(latencies, count, sizeof *latencies, ascending);
        if (sample >= 0) printf("SAMPLE %s %.6g us\n", row, (double)latencies[count / 2] / 1000);
    }
    free(latencies);
    PQfinish(connection);
}

static void take_rows(void *context, uint64_t operations) {
    PGconn *connection = context;
    for (; operations > 0; operations--) {
        PGresult *result = PQexecPrepared(connection, "all", 0, NULL, NULL, NULL, 1);
        if (PQresultStatus(result) != PGRES_TUPLES_OK || PQntuples(result) != ROWS) fail("rows", PQerrorMessage(connection));
        for (int row = 0; row < ROWS; row++) {
            for (int column = 0; column < 5; column++) {
                if (PQgetisnull(result, row, column)) fail("rows", "none is null");
            }
            uint64_t sum = (uint64_t)int4(PQgetvalue(result, row, 0)) + (uint64_t)int8(PQgetvalue(result, row, 1));
            char *copy = text(result, row, 2);
            sum += (unsigned char)copy[TEXT_LENGTH - 1];
            sum += (uint64_t)float8(PQgetvalue(result, row, 3)) + (uint64_t)int8(PQgetvalue(result, row, 4));
            free(copy);
            sink += sum;
        }
        PQclear(result);
    }
}

static void rows_row(const char *row) {
    PGconn *connection = connected();
    measure(row, take_rows, connection, 1, ROWS);
    PQfinish(connection);
}

// MARK: - Rows

static const struct {
    const char *name;
    void (*run)(const char *row);
} rows[] = {
    {"query-in-handler", query_in_handler},
    {"query-one-at-a-time", query_one_at_a_time},
    {"rows", rows_row},
};

int main(int count, char **arguments) {
    if (count > 1 && strcmp(arguments[1], "one-sync") == 0) {
        one_sync = 1;
        arguments++;
        count--;
    }
    const char *wanted = count > 1 ? arguments[1] : "list";
    int list = strcmp(wanted, "list") == 0;
    for (size_t index = 0; index < sizeof rows / sizeof rows[0]; index++) {
        if (list) {
            puts(rows[index].name);
        } else if (strcmp(wanted, rows[index].name) == 0) {
            rows[index].run(wanted);
            return 0;
        }
    }
    if (list) return 0;
    fprintf(stderr, "no row is called %s\n", wanted);
    return 2;
}
