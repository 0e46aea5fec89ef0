#include "common/http/conn_timeout.h"

/* Not <netinet/tcp.h>: its tcp_info may be older. */
#include <linux/in.h>
#include <linux/sockios.h>
#include <linux/tcp.h>
#include <sys/ioctl.h>
#include <sys/socket.h>

void conn_timeout_enter(
    struct conn_timeout *p, enum conn_timeout_phase phase, mono_us_t now)
{
	*p = (struct conn_timeout){.phase = phase, .since = now};
}

void conn_timeout_got(struct conn_timeout *p, size_t n)
{
	p->got += n;
}

void conn_timeout_hold(struct conn_timeout *p, mono_us_t now)
{
	p->phase = CONN_TIMEOUT_HELD;
	p->age = now - p->since;
}

void conn_timeout_let_go(struct conn_timeout *p, mono_us_t now)
{
	if (p->phase != CONN_TIMEOUT_HELD)
		return;
	p->phase = CONN_TIMEOUT_RECEIVING;
	p->since = now - p->age;
}

/* Were there fewer than `min` bytes a second? */
static bool conn_timeout_below(
    int64_t min, dur_us_t grace, uint64_t bytes, dur_us_t elapsed)
{
	return min > 0 && elapsed > grace &&
	       (double)bytes < (double)min * ((double)elapsed / 1e6);
}

static void note(
    struct conn_timeout *p, const struct tcp_info *info, mono_us_t now)
{
	uint64_t taken = info->tcpi_bytes_acked;
	bool first = !p->looked;
	if (first || taken != p->taken)
		p->since = now;
	p->looked = true;
	p->taken = taken;
	/* Nothing waits to be sent: the network has all that we wrote. */
	if (first || info->tcpi_notsent_bytes == 0) {
		p->behind_since = now;
		p->behind_from = taken;
	}
}

/* Is the client too slow, as far as the samples show? If there is nothing that
 * it could take, it waits for us. */
static bool is_slow(struct conn_timeout *p,
    const struct conn_timeout_limits *most, int fd, mono_us_t now)
{
	struct tcp_info info = {0};
	socklen_t len = sizeof info;
	int left = 0; /* not acknowledged, whether sent or not */
	if (ioctl(fd, SIOCOUTQ, &left) != 0)
		return false;
	if (left == 0) { /* as for the many parked requests */
		p->since = now;
		p->looked = false;
		return false;
	}
	if (getsockopt(fd, IPPROTO_TCP, TCP_INFO, &info, &len) != 0)
		return false;
	note(p, &info, now);
	bool stands =
	    p->phase == CONN_TIMEOUT_ANSWERING && now - p->since > most->send;
	return stands || conn_timeout_below(most->min_send, most->grace,
			     p->taken - p->behind_from, now - p->behind_since);
}

bool conn_timeout_over(struct conn_timeout *p,
    const struct conn_timeout_limits *most, int fd, mono_us_t now)
{
	switch (p->phase) {
	case CONN_TIMEOUT_NEW:
		return now - p->since > most->first;
	case CONN_TIMEOUT_IDLE:
		return now - p->since > most->idle;
	case CONN_TIMEOUT_RECEIVING:
		return now - p->since > most->receive ||
		       conn_timeout_below(most->min_receive, most->grace,
			   p->got, now - p->since);
	case CONN_TIMEOUT_ANSWERING:
	case CONN_TIMEOUT_STREAMING:
		return is_slow(p, most, fd, now);
	case CONN_TIMEOUT_HELD:
		break;
	}
	return false;
}
