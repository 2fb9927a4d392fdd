// `hiredis-peer ROW`: the rows of `dev/bench redis` done with hiredis. `hiredis-peer list` names them all.
//
// Samples follow the rules of Sources/Measuring/Sampler.swift: three of them, each of 200 ms or more, after a warm-up that is the
// search for a number of operations that fills a sample.
#define _GNU_SOURCE
#include <hiredis/hiredis.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

static const uint64_t MINIMUM_SAMPLE = 200000000;
enum { SAMPLES = 3, CHUNK = 16384, KEYS = 50, KEY_LENGTH = 20, VALUE_LENGTH = 32 };

#define VALUE "abcdefghijklmnopqrstuvwxyz012345"
#define BULK "$32\r\n" VALUE "\r\n"

_Noreturn static void fail(const char *what, const char *why) {
    fprintf(stderr, "hiredis-peer: %s: %s\n", what, why != NULL ? why : "");
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

struct measured {
    const char *row;
    clockid_t clock;
    const char *unit;
    double unit_nanoseconds;
    double per_operation; // an operation stands for so many of what the row counts
};

static uint64_t spent_by(struct measured what, operation_body body, void *context, uint64_t operations) {
    uint64_t start = nanoseconds(what.clock);
    body(context, operations);
    return nanoseconds(what.clock) - start;
}

static void measure(struct measured what, operation_body body, void *context) {
    uint64_t operations = 64;
    for (;;) {
        uint64_t spent = spent_by(what, body, context, operations);
        if (spent >= MINIMUM_SAMPLE) break;
        // A tenth more than should do, at most 32 times as many.
        double factor = (double)MINIMUM_SAMPLE / (double)(spent > 0 ? spent : 1) * 1.1;
        factor = factor < 1.1 ? 1.1 : factor > 32 ? 32 : factor;
        operations = (uint64_t)((double)operations * factor) + 1;
    }
    for (int sample = 0; sample < SAMPLES; sample++) {
        double spent = (double)spent_by(what, body, context, operations);
        double value = spent / what.unit_nanoseconds / (double)operations / what.per_operation;
        printf("SAMPLE %s %.6g %s\n", what.row, value, what.unit);
    }
}

// MARK: - Replies

static volatile uint64_t sink;

// Adds up a payload in words of eight bytes, so that every byte is read and the reading weighs next to nothing.
static void touch_payload(const char *bytes, size_t length) {
    uint64_t sum = 0, word;
    size_t index = 0;
    for (; index + sizeof word <= length; index += sizeof word) {
        memcpy(&word, bytes + index, sizeof word);
        sum += word;
    }
    for (; index < length; index++) sum += (unsigned char)bytes[index];
    sink = sum;
}

static void touch(const redisReply *reply) {
    switch (reply->type) {
    case REDIS_REPLY_STRING: touch_payload(reply->str, reply->len); break;
    case REDIS_REPLY_ARRAY:
        for (size_t index = 0; index < reply->elements; index++) touch(reply->element[index]);
        break;
    default: fail("a reply", "is neither a string nor an array");
    }
}

// MARK: - Decoding

// A head and then one unit over and over. It is fed in chunks of 16 KiB that end anywhere in a unit, from memory that stays in the
// cache, as what was just received would be.
struct stream {
    const char *head;
    const char *unit;
    uint64_t units; // what follows the head; 0 is no end
    redisReader *reader;
    char *first; // the chunk that begins with the head
    char *later; // a chunk and a unit: a chunk that begins in mid-unit begins in mid-unit here
    uint64_t offset;
};

static void make_stream(struct stream *stream) {
    size_t head = strlen(stream->head), unit = strlen(stream->unit);
    stream->reader = checked(redisReaderCreate());
    stream->first = checked(malloc(CHUNK));
    stream->later = checked(malloc(CHUNK + unit));
    for (size_t index = 0; index < CHUNK + unit; index++) stream->later[index] = stream->unit[index % unit];
    memcpy(stream->first, stream->head, head);
    memcpy(stream->first + head, stream->later, CHUNK - head);
    stream->offset = 0;
}

static void feed(struct stream *stream) {
    size_t head = strlen(stream->head), unit = strlen(stream->unit);
    const char *chunk = stream->offset == 0 ? stream->first : stream->later + (stream->offset - head) % unit;
    size_t length = CHUNK;
    if (stream->units > 0) {
        uint64_t left = head + stream->units * unit - stream->offset;
        if (left < length) length = left;
    }
    if (redisReaderFeed(stream->reader, chunk, length) != REDIS_OK) fail("redisReaderFeed", stream->reader->errstr);
    stream->offset += length;
    if (stream->units > 0 && stream->offset == head + stream->units * unit) stream->offset = 0;
}

static void take_replies(void *context, uint64_t operations) {
    struct stream *stream = context;
    while (operations > 0) {
        void *reply;
        if (redisReaderGetReply(stream->reader, &reply) != REDIS_OK) fail("redisReaderGetReply", stream->reader->errstr);
        if (reply == NULL) {
            feed(stream);
            continue;
        }
        touch(reply);
        freeReplyObject(reply);
        operations--;
    }
}

static void decode(const char *row, struct stream stream, double per_operation) {
    make_stream(&stream);
    measure((struct measured){row, CLOCK_THREAD_CPUTIME_ID, "ns", 1, per_operation}, take_replies, &stream);
    redisReaderFree(stream.reader);
    free(stream.first);
    free(stream.later);
}

static void decode_bulk_32(const char *row) { decode(row, (struct stream){.head = "", .unit = BULK}, 1); }

static void decode_array_of_ten(const char *row) {
    const char *unit = "*10\r\n" BULK BULK BULK BULK BULK BULK BULK BULK BULK BULK;
    decode(row, (struct stream){.head = "", .unit = unit}, 10);
}

static void decode_array_of_100000(const char *row) {
    decode(row, (struct stream){.head = "*100000\r\n", .unit = BULK, .units = 100000}, 100000);
}

// MARK: - Encoding

struct command {
    char key[KEY_LENGTH + 1];
    const char *words[3];
    size_t lengths[3];
    int count;
};

static void make_get(struct command *command, int number) {
    snprintf(command->key, sizeof command->key, "weir:bench:key:%05d", number);
    command->words[0] = "GET";
    command->lengths[0] = 3;
    command->words[1] = command->key;
    command->lengths[1] = KEY_LENGTH;
    command->count = 2;
}

// Of the functions that format a command this one is the fastest.
static void encode(void *context, uint64_t operations) {
    struct command *command = context;
    for (; operations > 0; operations--) {
        char *bytes;
        int length = redisFormatCommandArgv(&bytes, command->count, command->words, command->lengths);
        if (length < 0) fail("redisFormatCommandArgv", NULL);
        sink = (unsigned char)bytes[length - 1];
        redisFreeCommand(bytes);
    }
}

static void encode_get(const char *row) {
    struct command command;
    make_get(&command, 0);
    measure((struct measured){row, CLOCK_THREAD_CPUTIME_ID, "ns", 1, 1}, encode, &command);
}

// MARK: - With a server

struct session {
    redisContext *redis;
    struct command gets[KEYS];
};

static void expect_value(struct session *session, redisReply *reply) {
    if (reply == NULL) fail("GET", session->redis->errstr);
    if (reply->type != REDIS_REPLY_STRING || reply->len != VALUE_LENGTH) fail("GET", "a value of 32 bytes was set");
    touch(reply);
    freeReplyObject(reply);
}

// Connects to WEIR_REDIS_URL and sets the keys.
static void connect_session(struct session *session) {
    const char *url = getenv("WEIR_REDIS_URL");
    char host[256];
    int port;
    if (url == NULL || sscanf(url, "redis://%255[^:/]:%d", host, &port) != 2) {
        fail("WEIR_REDIS_URL", "must be redis://HOST:PORT");
    }
    session->redis = checked(redisConnect(host, port));
    if (session->redis->err != 0) fail(url, session->redis->errstr);
    for (int index = 0; index < KEYS; index++) {
        make_get(&session->gets[index], index);
        redisReply *reply = redisCommand(session->redis, "SET %s %s", session->gets[index].key, VALUE);
        if (reply == NULL || reply->type != REDIS_REPLY_STATUS) fail("SET", reply == NULL ? session->redis->errstr : reply->str);
        freeReplyObject(reply);
    }
}

static void get_batches(void *context, uint64_t operations) {
    struct session *session = context;
    for (; operations > 0; operations--) {
        for (int index = 0; index < KEYS; index++) {
            struct command *get = &session->gets[index];
            if (redisAppendCommandArgv(session->redis, get->count, get->words, get->lengths) != REDIS_OK) {
                fail("redisAppendCommandArgv", session->redis->errstr);
            }
        }
        for (int index = 0; index < KEYS; index++) {
            void *reply;
            if (redisGetReply(session->redis, &reply) != REDIS_OK) fail("redisGetReply", session->redis->errstr);
            expect_value(session, reply);
        }
    }
}

// Batches made by hand: what a handler's GETs become when they leave together.
static void get_in_handler(const char *row) {
    struct session session;
    connect_session(&session);
    measure((struct measured){row, CLOCK_PROCESS_CPUTIME_ID, "us", 1000, KEYS}, get_batches, &session);
    redisFree(session.redis);
}

static int ascending(const void *one, const void *other) {
    uint64_t left = *(const uint64_t *)one, right = *(const uint64_t *)other;
    return (left > right) - (left < right);
}

// The time that passes over a GET which waits for the one before it: the median of those that fill a sample.
static void get_one_at_a_time(const char *row) {
    struct session session;
    connect_session(&session);
    size_t capacity = 1 << 16;
    uint64_t *latencies = checked(malloc(capacity * sizeof *latencies));
    for (int sample = -1; sample < SAMPLES; sample++) { // one to warm up
        size_t count = 0;
        uint64_t start = nanoseconds(CLOCK_MONOTONIC), before = start;
        while (before - start < MINIMUM_SAMPLE) {
            struct command *get = &session.gets[count % KEYS];
            expect_value(&session, redisCommandArgv(session.redis, get->count, get->words, get->lengths));
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
    redisFree(session.redis);
}

// MARK: - Rows

static const struct {
    const char *name;
    void (*run)(const char *row);
} rows[] = {
    {"decode-bulk-32", decode_bulk_32},
    {"decode-array-of-ten", decode_array_of_ten},
    {"decode-array-of-100000", decode_array_of_100000},
    {"encode-get", encode_get},
    {"get-in-handler", get_in_handler},
    {"get-one-at-a-time", get_one_at_a_time},
};

int main(int count, char **arguments) {
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
