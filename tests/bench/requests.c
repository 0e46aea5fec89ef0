/* Counts the requests that a program sends to Kafka, by kind. It is loaded into
 * the program (LD_PRELOAD), since neither the program nor the broker counts
 * them by client: librdkafka sends each request with sendmsg(), and a request
 * begins with its size (4 bytes) and its kind (2 bytes).
 *
 *   BENCH_KAFKA_PORT      the broker's
 *   BENCH_REQUESTS_FILE   gets KINDS counters of 8 bytes, in this machine's
 * order; the index is Kafka's "API key"
 */
#include <arpa/inet.h>
#include <dlfcn.h>
#include <fcntl.h>
#include <netinet/in.h>
#include <stdatomic.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/socket.h>
#include <unistd.h>

enum { KINDS = 128, FDS = 1 << 16 };

static atomic_ullong *counters; /* NULL: not counted */
static in_port_t port;
/* 0: not a connection to Kafka. Otherwise 1 + how many bytes of the current
 * request have not been sent. A connection is used by one thread at a time. */
static _Atomic(int64_t) state[FDS];

static int (*real_connect)(int, const struct sockaddr *, socklen_t);
static int (*real_close)(int);
static ssize_t (*real_sendmsg)(int, const struct msghdr *, int);

static void find(const char *name, void *function)
{
	void *found = dlsym(RTLD_NEXT, name);
	if (found == NULL)
		abort();
	memcpy(function, &found, sizeof found);
}

__attribute__((constructor)) static void requests_open(void)
{
	find("connect", &real_connect);
	find("close", &real_close);
	find("sendmsg", &real_sendmsg);
	const char *path = getenv("BENCH_REQUESTS_FILE");
	const char *number = getenv("BENCH_KAFKA_PORT");
	size_t size = KINDS * sizeof *counters;
	int fd = path && number ? open(path, O_RDWR | O_CLOEXEC) : -1;
	if (fd < 0 || ftruncate(fd, (off_t)size) != 0)
		return;
	port = htons((uint16_t)atoi(number));
	void *at = mmap(NULL, size, PROT_READ | PROT_WRITE, MAP_SHARED, fd, 0);
	real_close(fd);
	counters = at == MAP_FAILED ? NULL : at;
}

static int is_kafka(const struct sockaddr *at)
{
	if (at->sa_family == AF_INET)
		return ((const struct sockaddr_in *)(const void *)at)
			   ->sin_port == port;
	return at->sa_family == AF_INET6 &&
	       ((const struct sockaddr_in6 *)(const void *)at)->sin6_port ==
		   port;
}

int connect(int fd, const struct sockaddr *at, socklen_t len)
{
	if (counters && fd >= 0 && fd < FDS)
		state[fd] = is_kafka(at);
	return real_connect(fd, at, len);
}

int close(int fd)
{
	if (fd >= 0 && fd < FDS)
		state[fd] = 0;
	return real_close(fd);
}

/* Returns the size of the request that begins here, with its size field. */
static int64_t count(const struct msghdr *m)
{
	uint32_t size;
	uint16_t kind;
	const char *head = m->msg_iov[0].iov_base;
	if (m->msg_iov[0].iov_len < sizeof size + sizeof kind)
		abort(); /* librdkafka has become another */
	memcpy(&size, head, sizeof size);
	memcpy(&kind, head + sizeof size, sizeof kind);
	if (ntohs(kind) < KINDS)
		atomic_fetch_add(&counters[ntohs(kind)], 1);
	return (int64_t)ntohl(size) + 4;
}

ssize_t sendmsg(int fd, const struct msghdr *m, int flags)
{
	ssize_t sent = real_sendmsg(fd, m, flags);
	if (sent > 0 && fd < FDS && state[fd] > 0)
		state[fd] += (state[fd] == 1 ? count(m) : 0) - sent;
	return sent;
}
