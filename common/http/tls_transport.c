#include "common/http/tls_transport.h"

#include "common/base/mem.h"

#include <errno.h>
#include <stdbool.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/uio.h>

struct tls_transport {
	int fd;
	bool hold;	 /* the next record, if it fits */
	size_t from, to; /* what nobody has taken of `ahead` */
	size_t held;	 /* bytes in `head` */
	char ahead[TLS_TRANSPORT_AHEAD], head[TLS_TRANSPORT_HEAD];
};

/* A long rest of a record is not copied. */
ssize_t tls_transport_pull(gnutls_transport_ptr_t arg, void *data, size_t len)
{
	struct tls_transport *t = arg;
	if (t->from == t->to) {
		if (len >= sizeof t->ahead)
			return recv(t->fd, data, len, 0);
		ssize_t got = recv(t->fd, t->ahead, sizeof t->ahead, 0);
		if (got <= 0)
			return got;
		t->from = 0;
		t->to = (size_t)got;
	}
	size_t n = t->to - t->from < len ? t->to - t->from : len;
	memcpy(data, t->ahead + t->from, n);
	t->from += n;
	return (ssize_t)n;
}

static void keep(struct tls_transport *t, const giovec_t *iov, int n)
{
	for (int i = 0; i < n; i++) {
		memcpy(t->head + t->held, iov[i].iov_base, iov[i].iov_len);
		t->held += iov[i].iov_len;
	}
}

/* What was sent, of `len` bytes behind the head. The bytes of the head counted
 * when they were held. */
static ssize_t sent_behind_head(
    struct tls_transport *t, ssize_t sent, size_t len)
{
	if (sent < 0)
		return sent;
	size_t of_head = (size_t)sent < t->held ? (size_t)sent : t->held;
	memmove(t->head, t->head + of_head, t->held - of_head);
	t->held -= of_head;
	if ((size_t)sent > of_head || (len == 0 && t->held == 0))
		return sent - (ssize_t)of_head;
	errno = EAGAIN;
	return -1;
}

ssize_t tls_transport_push(
    gnutls_transport_ptr_t arg, const giovec_t *iov, int n)
{
	enum { MOST = 15 }; /* GnuTLS gives one or two */
	struct tls_transport *t = arg;
	struct iovec all[1 + MOST] = {{t->head, t->held}};
	size_t len = 0;
	int count = 1;
	for (int i = 0; i < n && count <= MOST; i++) {
		len += iov[i].iov_len;
		all[count++] = (struct iovec){iov[i].iov_base, iov[i].iov_len};
	}
	bool hold =
	    t->hold && t->held == 0 && len <= sizeof t->head && count == n + 1;
	t->hold = false;
	if (hold) {
		keep(t, iov, n);
		return (ssize_t)len;
	}
	const struct msghdr m = {.msg_iov = all, .msg_iovlen = (size_t)count};
	return sent_behind_head(t, sendmsg(t->fd, &m, MSG_NOSIGNAL), len);
}

void tls_transport_hold_head(struct tls_transport *t)
{
	t->hold = true;
}

/* If the socket takes nothing, the head goes in front of what is sent next: at
 * the latest the end of the session. */
void tls_transport_flush(struct tls_transport *t)
{
	t->hold = false;
	if (t->held > 0)
		(void)tls_transport_push(t, NULL, 0);
}

void tls_transport_use(struct tls_transport *t, gnutls_session_t session)
{
	gnutls_transport_set_ptr(session, t);
	gnutls_transport_set_pull_function(session, tls_transport_pull);
	gnutls_transport_set_vec_push_function(session, tls_transport_push);
}

struct tls_transport *tls_transport_new(int fd)
{
	struct tls_transport *t = MEM_NEW(struct tls_transport);
	t->fd = fd;
	return t;
}

void tls_transport_free(struct tls_transport **t)
{
	free(*t);
	*t = NULL;
}
