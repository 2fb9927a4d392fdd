// Preloaded (LD_PRELOAD) into a program to count what it asks of the allocator and of the kernel, in all its threads.
//
// The allocator's entry points are replaced by wrappers of glibc's own __libc_… functions, and thin system call wrappers by the
// system call. What the C library calls inside itself does not come by here: a futex of pthread_mutex_lock, for one, which
// strace sees.
//
// Where the environment names a file in WEIR_COUNTS_FILE, the counters of the process are in that file, shared, from its start on,
// so that another process reads them while this one runs: for each a name of 24 bytes, padded with zeros, and a number of 64 bits.
#define _GNU_SOURCE
#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdarg.h>
#include <stdatomic.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/eventfd.h>
#include <sys/mman.h>
#include <sys/syscall.h>
#include <sys/timerfd.h>
#include <sys/types.h>
#include <sys/uio.h>
#include <unistd.h>

enum counter {
    MALLOCS, REALLOCS, FREES, ALLOCATED_BYTES, READS, WRITES, EVENTFD_WRITES, EPOLL_WAITS, TIMERFD_SETTIMES, DIRECT_FUTEXES, COUNTERS
};

static const char *const names[COUNTERS] = {
    "mallocs", "reallocs", "frees", "allocated_bytes", "reads", "writes", "eventfd_writes", "epoll_waits", "timerfd_settimes",
    "direct_futexes",
};

struct record {
    char name[24];
    _Atomic uint64_t value;
};

static struct record own_counts[COUNTERS];
static struct record *process_counts = own_counts; // or the file, from the constructor on
static __thread uint64_t thread_counts[COUNTERS] __attribute__((tls_model("initial-exec")));

static inline void count(enum counter counter, uint64_t amount) {
    atomic_fetch_add_explicit(&process_counts[counter].value, amount, memory_order_relaxed);
    thread_counts[counter] += amount;
}

// What a measured program looks up by dlsym.

size_t weir_counts_size(void) { return COUNTERS; }

const char *weir_counts_name(size_t counter) { return counter < COUNTERS ? names[counter] : NULL; }

// Copies the counters of all threads into `values`, which has room for weir_counts_size() of them.
void weir_counts_read(uint64_t *values) {
    for (size_t counter = 0; counter < COUNTERS; counter++) {
        values[counter] = atomic_load_explicit(&process_counts[counter].value, memory_order_relaxed);
    }
}

// The same of the calling thread alone.
void weir_counts_read_thread(uint64_t *values) {
    for (size_t counter = 0; counter < COUNTERS; counter++) {
        values[counter] = thread_counts[counter];
    }
}

// Nothing but this thread runs yet. Without the file the process ends here: zeros would be taken for a result.
__attribute__((constructor)) static void share_counts(void) {
    const char *path = getenv("WEIR_COUNTS_FILE");
    if (path == NULL) {
        return;
    }
    int file = open(path, O_RDWR | O_CREAT | O_CLOEXEC, 0600);
    if (file < 0 || ftruncate(file, sizeof own_counts) != 0) {
        abort();
    }
    struct record *shared = mmap(NULL, sizeof own_counts, PROT_READ | PROT_WRITE, MAP_SHARED, file, 0);
    if (shared == MAP_FAILED) {
        abort();
    }
    close(file);
    for (size_t counter = 0; counter < COUNTERS; counter++) {
        strncpy(shared[counter].name, names[counter], sizeof shared[counter].name - 1);
        atomic_fetch_add(&shared[counter].value, atomic_load(&own_counts[counter].value));
    }
    process_counts = shared;
}

// The allocator.

void *__libc_malloc(size_t);
void *__libc_calloc(size_t, size_t);
void *__libc_realloc(void *, size_t);
void *__libc_memalign(size_t, size_t);
void __libc_free(void *);

static inline void count_allocation(size_t size) {
    count(MALLOCS, 1);
    count(ALLOCATED_BYTES, size);
}

void *malloc(size_t size) {
    count_allocation(size);
    return __libc_malloc(size);
}

void *calloc(size_t elements, size_t size) {
    count_allocation(elements * size);
    return __libc_calloc(elements, size);
}

void *realloc(void *memory, size_t size) {
    if (memory == NULL) {
        count_allocation(size);
    } else {
        count(REALLOCS, 1);
        count(ALLOCATED_BYTES, size);
    }
    return __libc_realloc(memory, size);
}

void *memalign(size_t alignment, size_t size) {
    count_allocation(size);
    return __libc_memalign(alignment, size);
}

void *aligned_alloc(size_t alignment, size_t size) { return memalign(alignment, size); }

int posix_memalign(void **memory, size_t alignment, size_t size) {
    if (alignment < sizeof(void *) || (alignment & (alignment - 1)) != 0) {
        return EINVAL;
    }
    void *result = memalign(alignment, size);
    if (result == NULL) {
        return ENOMEM;
    }
    *memory = result;
    return 0;
}

void free(void *memory) {
    if (memory != NULL) {
        count(FREES, 1);
    }
    __libc_free(memory);
}

// System calls. syscall() itself is replaced below, so these go by an entry of their own.

static long (*system_call)(long, ...);

__attribute__((constructor)) static void find_system_call(void);

static inline long call(long number, long a, long b, long c, long d, long e, long f) {
    if (system_call == NULL) {
        find_system_call();
    }
    return system_call(number, a, b, c, d, e, f);
}

ssize_t read(int file, void *bytes, size_t size) {
    count(READS, 1);
    return call(SYS_read, file, (long)bytes, (long)size, 0, 0, 0);
}

ssize_t write(int file, const void *bytes, size_t size) {
    count(WRITES, 1);
    return call(SYS_write, file, (long)bytes, (long)size, 0, 0, 0);
}

ssize_t writev(int file, const struct iovec *vectors, int vector_count) {
    count(WRITES, 1);
    return call(SYS_writev, file, (long)vectors, vector_count, 0, 0, 0);
}

int eventfd_write(int file, eventfd_t value) {
    count(EVENTFD_WRITES, 1);
    return call(SYS_write, file, (long)&value, sizeof(value), 0, 0, 0) == (long)sizeof(value) ? 0 : -1;
}

int epoll_pwait(int file, struct epoll_event *events, int maximum, int timeout, const sigset_t *signals) {
    count(EPOLL_WAITS, 1);
    return (int)call(SYS_epoll_pwait, file, (long)events, maximum, timeout, (long)signals, _NSIG / 8);
}

int epoll_wait(int file, struct epoll_event *events, int maximum, int timeout) {
    return epoll_pwait(file, events, maximum, timeout, NULL);
}

int timerfd_settime(int file, int flags, const struct itimerspec *new_time, struct itimerspec *old_time) {
    count(TIMERFD_SETTIMES, 1);
    return (int)call(SYS_timerfd_settime, file, flags, (long)new_time, (long)old_time, 0, 0);
}

// Swift's own Mutex makes its futex calls here.
long syscall(long number, ...) {
    va_list list;
    va_start(list, number);
    long arguments[6];
    for (int index = 0; index < 6; index++) {
        arguments[index] = va_arg(list, long);
    }
    va_end(list);
    if (number == SYS_futex) {
        count(DIRECT_FUTEXES, 1);
    }
    return call(number, arguments[0], arguments[1], arguments[2], arguments[3], arguments[4], arguments[5]);
}

#include <dlfcn.h>

static void find_system_call(void) { system_call = (long (*)(long, ...))dlsym(RTLD_NEXT, "syscall"); }
