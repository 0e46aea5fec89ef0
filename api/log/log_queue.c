/* Two buffers: one takes lines while the thread writes the other. The lock is
 * held only to copy a line or to exchange the buffers, never during a write. */
#include "api/log/log_queue.h"

#include "common/base/check.h"
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

/* Global, as the log is. */
static struct {
	pthread_mutex_t lock;
	pthread_cond_t filled;
	pthread_t thread;
	bool runs, ends;
	char *taking, *writing;
	size_t len;   /* of what `taking` has */
	size_t piece; /* bytes of a write at most */
} queue = {
    .lock = PTHREAD_MUTEX_INITIALIZER,
    .filled = PTHREAD_COND_INITIALIZER,
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

/* 0: the queue ends, and all is written. */
static size_t take_lines(void)
{
	pthread_mutex_lock(&queue.lock);
	while (queue.len == 0 && !queue.ends)
		pthread_cond_wait(&queue.filled, &queue.lock);
	size_t len = queue.len;
	char *full = queue.taking;
	queue.taking = queue.writing;
	queue.writing = full;
	queue.len = 0;
	pthread_mutex_unlock(&queue.lock);
	return len;
}

/* Many lines together cost one write and one wake-up. */
static void log_queue_gather(void)
{
	struct timespec pause = {.tv_nsec = GATHER_NS};
	nanosleep(&pause, NULL);
}

static void *log_queue_main(void *arg)
{
	size_t len;
	(void)arg;
	while ((len = take_lines()) > 0) {
		size_t done = 0;
		while (done < len) {
			size_t n = piece_of(queue.writing + done, len - done);
			write_all(queue.writing + done, n);
			done += n;
		}
		log_queue_gather();
	}
	return NULL;
}

void log_queue_start(void)
{
	CHECK(!queue.runs);
	queue.taking = mem_alloc(LOG_QUEUE_MAX);
	queue.writing = mem_alloc(LOG_QUEUE_MAX);
	queue.piece = most_at_once();
	queue.runs = true;
	CHECK_OS(pthread_create(&queue.thread, NULL, log_queue_main, NULL));
}

bool log_queue_put(const char *line, size_t len)
{
	pthread_mutex_lock(&queue.lock);
	bool fits =
	    queue.runs && !queue.ends && LOG_QUEUE_MAX - queue.len >= len;
	bool first = fits && queue.len == 0;
	if (fits) {
		memcpy(queue.taking + queue.len, line, len);
		queue.len += len;
	}
	pthread_mutex_unlock(&queue.lock);
	if (first)
		pthread_cond_signal(&queue.filled);
	return fits;
}

void log_queue_end(void)
{
	struct timespec until;
	if (!queue.runs)
		return;
	pthread_mutex_lock(&queue.lock);
	queue.ends = true;
	pthread_mutex_unlock(&queue.lock);
	pthread_cond_signal(&queue.filled);
	clock_gettime(CLOCK_REALTIME, &until);
	until.tv_sec += END_S;
	/* If it still writes, it keeps its buffers: the process ends soon. */
	if (pthread_timedjoin_np(queue.thread, NULL, &until) != 0)
		return;
	free(queue.taking);
	free(queue.writing);
	queue.taking = queue.writing = NULL;
	queue.len = 0;
	queue.runs = queue.ends = false;
}
