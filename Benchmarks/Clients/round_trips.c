// `round-trips REQUEST REPLY-LENGTH COUNT PORT…`: the time of a request and its reply over one connection to each of the ports of
// 127.0.0.1, the next request sent when the reply is there. For each port it prints the port and the median in nanoseconds.
//
// The ports take turns, a block each, so that what the machine does meanwhile falls on all of them. A block begins with some round
// trips that do not count.
#include <arpa/inet.h>
#include <errno.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <time.h>
#include <unistd.h>

enum { BLOCK = 200, UNCOUNTED = 20, LIMIT_SECONDS = 10 };

_Noreturn static void fail(int port, const char *what, const char *why) {
    fprintf(stderr, "round-trips: port %d: %s: %s\n", port, what, why);
    exit(1);
}

static uint64_t now(void) {
    struct timespec now;
    clock_gettime(CLOCK_MONOTONIC, &now);
    return (uint64_t)now.tv_sec * 1000000000 + (uint64_t)now.tv_nsec;
}

static int connect_to(int port) {
    struct sockaddr_in address = {.sin_family = AF_INET, .sin_port = htons((uint16_t)port), .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
    struct timeval limit = {.tv_sec = LIMIT_SECONDS};
    int on = 1, socket_ = socket(AF_INET, SOCK_STREAM, 0);
    if (socket_ < 0 || connect(socket_, (struct sockaddr *)&address, sizeof address) != 0) fail(port, "connect", strerror(errno));
    setsockopt(socket_, IPPROTO_TCP, TCP_NODELAY, &on, sizeof on);
    setsockopt(socket_, SOL_SOCKET, SO_RCVTIMEO, &limit, sizeof limit);
    return socket_;
}

static void round_trip(int port, int socket, const char *request, size_t length, size_t reply_length) {
    static char bytes[65536];
    if (write(socket, request, length) != (ssize_t)length) fail(port, "write", strerror(errno));
    for (size_t left = reply_length; left > 0;) {
        ssize_t received = read(socket, bytes, left < sizeof bytes ? left : sizeof bytes);
        if (received <= 0) fail(port, "read", received == 0 ? "the connection ended" : strerror(errno));
        left -= (size_t)received;
    }
}

static int ascending(const void *one, const void *other) {
    uint64_t left = *(const uint64_t *)one, right = *(const uint64_t *)other;
    return (left > right) - (left < right);
}

int main(int count, char **arguments) {
    if (count < 5) {
        fprintf(stderr, "round-trips REQUEST REPLY-LENGTH COUNT PORT...\n");
        return 2;
    }
    const char *request = arguments[1];
    size_t length = strlen(request), reply_length = strtoul(arguments[2], NULL, 10);
    size_t blocks = strtoul(arguments[3], NULL, 10) / BLOCK + 1, targets = (size_t)count - 4;
    int *ports = calloc(targets, sizeof *ports), *sockets = calloc(targets, sizeof *sockets);
    uint64_t *times = calloc(targets * blocks * BLOCK, sizeof *times);
    if (ports == NULL || sockets == NULL || times == NULL) fail(0, "memory", "there is none left");
    for (size_t target = 0; target < targets; target++) {
        ports[target] = atoi(arguments[4 + target]);
        sockets[target] = connect_to(ports[target]);
    }
    for (size_t block = 0; block < blocks; block++) {
        for (size_t target = 0; target < targets; target++) {
            uint64_t *into = times + (target * blocks + block) * BLOCK;
            for (int index = 0; index < UNCOUNTED; index++) {
                round_trip(ports[target], sockets[target], request, length, reply_length);
            }
            uint64_t before = now();
            for (int index = 0; index < BLOCK; index++) {
                round_trip(ports[target], sockets[target], request, length, reply_length);
                uint64_t after = now();
                into[index] = after - before;
                before = after;
            }
        }
    }
    for (size_t target = 0; target < targets; target++) {
        uint64_t *of_target = times + target * blocks * BLOCK;
        qsort(of_target, blocks * BLOCK, sizeof *of_target, ascending);
        printf("%d %llu\n", ports[target], (unsigned long long)of_target[blocks * BLOCK / 2]);
    }
    return 0;
}
