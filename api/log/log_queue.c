/* A lane has a buffer in which lines are made, and the thread has one more,
 * which it exchanges for a full one and writes. The lock of a lane is held only
 * to make a line or to exchange the buffers, never during a write. */
#include "api/log/log_queue.h"

#include "common/base/check.h"
#include "common/base/log.h"
#include "common/base/mem.h"

#include <errno.h>
#include <limits.h>
#include <poll.h>
#include <pthread.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

enum { END_S = 1, GATHER_NS = 20 * 1000000 };

struct log_lane {
	pthread_mutex_t lock;
	char *taking;
	size_t len;	/* of the lines in `taking` */
	char apart[64]; /* two threads never write to one cache line */
};

/* Global, as the log is. */
static struct {
	struct log_lane *lanes;
	size_t n;     /* 0: the thread does not run */
	char *spare;  /* the thread's */
	size_t piece; /* bytes of a write at most */
	pthread_t thread;
	pthread_mutex_t lock;
	pthread_cond_t wake;
	/* Guarded by `lock`. */
	bool filled; /* a lane has lines again */
	bool ends;
} queue = {
    .lock = PTHREAD_MUTEX_INITIALIZER,
    .wake = PTHREAD_COND_INITIALIZER,
};

static void write_all(const char *data, size_t len)
{
	while (len) {
		ssize_t n = write(STDERR_FILENO, data, len);
		if (n < 0 && errno == EAGAIN) {
			struct pollfd p = {STDERR_FILENO, POLLOUT, 0};
			poll(&p, 1, -1);
			continue;
		}
		if (n < 0 && errno == EINTR)
			continue;
		if (n < 0)
			return; /* it is gone; so are the lines */
		data += n;
		len -= (size_t)n;
	}
}

/* How much standard error takes as one piece: a file takes everything. */
static size_t most_at_once(void)
{
	struct stat s;
	bool file = fstat(STDERR_FILENO, &s) == 0 && S_ISREG(s.st_mode);
	return file ? LOG_QUEUE_MAX : PIPE_BUF;
}

/* The longest run of whole lines that is one piece, so that no line of another
 * thread gets into one of these. */
static size_t piece_of(const char *data, size_t len)
{
	if (len <= queue.piece)
		return len;
	const char *end = memrchr(data, '\n', queue.piece);
	return end ? (size_t)(end - data) + 1 : len;
}

/* True: it was the last time. */
static bool wait_for_lines(void)
{
	pthread_mutex_lock(&queue.lock);
	while (!queue.filled && !queue.ends)
		pthread_cond_wait(&queue.wake, &queue.lock);
	queue.filled = false;
	bool ends = queue.ends;
	pthread_mutex_unlock(&queue.lock);
	return ends;
}

static size_t take_lines(struct log_lane *lane)
{
	pthread_mutex_lock(&lane->lock);
	size_t len = lane->len;
	char *full = lane->taking;
	lane->taking = queue.spare;
	lane->len = 0;
	pthread_mutex_unlock(&lane->lock);
	queue.spare = full;
	return len;
}

static void write_lines(struct log_lane *lane)
{
	size_t len = take_lines(lane), done = 0;
	while (done < len) {
		size_t n = piece_of(queue.spare + done, len - done);
		write_all(queue.spare + done, n);
		done += n;
	}
}

/* Many lines together cost one write and one wake-up. */
static void log_queue_gather(void)
{
	struct timespec pause = {.tv_nsec = GATHER_NS};
	nanosleep(&pause, NULL);
}

static void *log_queue_main(void *arg)
{
	(void)arg;
	for (;;) {
		bool last = wait_for_lines();
		for (size_t i = 0; i < queue.n; i++)
			write_lines(&queue.lanes[i]);
		if (last)
			return NULL;
		log_queue_gather();
	}
}

void log_queue_start(size_t lanes)
{
	CHECK(queue.n == 0 && lanes > 0);
	queue.lanes = mem_zalloc(lanes * sizeof *queue.lanes);
	for (size_t i = 0; i < lanes; i++) {
		struct log_lane *lane = &queue.lanes[i];
		CHECK_OS(pthread_mutex_init(&lane->lock, NULL));
		lane->taking = mem_alloc(LOG_QUEUE_MAX);
	}
	queue.spare = mem_alloc(LOG_QUEUE_MAX);
	queue.piece = most_at_once();
	queue.filled = queue.ends = false;
	queue.n = lanes;
	CHECK_OS(pthread_create(&queue.thread, NULL, log_queue_main, NULL));
}

static void log_queue_wake(bool *why)
{
	pthread_mutex_lock(&queue.lock);
	*why = true;
	pthread_mutex_unlock(&queue.lock);
	pthread_cond_signal(&queue.wake);
}

char *log_queue_line(size_t i)
{
	if (queue.n == 0)
		return NULL;
	CHECK(i < queue.n);
	struct log_lane *lane = &queue.lanes[i];
	pthread_mutex_lock(&lane->lock);
	if (LOG_QUEUE_MAX - lane->len >= LOG_LINE_MAX)
		return lane->taking + lane->len;
	pthread_mutex_unlock(&lane->lock);
	return NULL;
}

void log_queue_put(size_t i, size_t len)
{
	CHECK(i < queue.n && len <= LOG_LINE_MAX);
	struct log_lane *lane = &queue.lanes[i];
	bool first = lane->len == 0;
	lane->len += len;
	pthread_mutex_unlock(&lane->lock);
	if (first)
		log_queue_wake(&queue.filled);
}

void log_queue_end(void)
{
	struct timespec until;
	if (queue.n == 0)
		return;
	log_queue_wake(&queue.ends);
	clock_gettime(CLOCK_REALTIME, &until);
	until.tv_sec += END_S;
	/* If it still writes, it keeps its buffers: the process ends soon. */
	if (pthread_timedjoin_np(queue.thread, NULL, &until) != 0)
		return;
	for (size_t i = 0; i < queue.n; i++) {
		CHECK_OS(pthread_mutex_destroy(&queue.lanes[i].lock));
		free(queue.lanes[i].taking);
	}
	free(queue.lanes);
	free(queue.spare);
	queue.n = 0;
}
