#include "common/pace.h"

/* Not <netinet/tcp.h>, whose tcp_info may be an older one. */
#include <linux/in.h>
#include <linux/sockios.h>
#include <linux/tcp.h>
#include <sys/ioctl.h>
#include <sys/socket.h>

void pace_enter(struct pace *p, enum pace_phase phase, mono_us_t now)
{
	*p = (struct pace){.phase = phase, .since = now};
}

void pace_hold(struct pace *p, mono_us_t now)
{
	p->phase = PACE_HELD;
	p->age = now - p->since;
}

void pace_let_go(struct pace *p, mono_us_t now)
{
	if (p->phase == PACE_HELD)
		pace_enter(p, PACE_RECEIVING, now - p->age);
}

/* As far as the looks tell. While there is nothing to take, it waits for us. */
static bool unread_for(struct pace *p, dur_us_t most, int fd, mono_us_t now)
{
	struct tcp_info info = {0};
	socklen_t len = sizeof info;
	int left = 0; /* not acknowledged, be it sent or not */
	if (ioctl(fd, SIOCOUTQ, &left) != 0)
		return false;
	if (left == 0) { /* so it is of the thousands that are parked */
		p->since = now;
		return false;
	}
	if (getsockopt(fd, IPPROTO_TCP, TCP_INFO, &info, &len) != 0)
		return false;
	uint64_t taken = info.tcpi_bytes_acked;
	if (!p->looked || taken != p->taken) {
		p->looked = true;
		p->taken = taken;
		p->since = now;
	}
	return now - p->since > most;
}

bool pace_over(
    struct pace *p, const struct pace_limits *most, int fd, mono_us_t now)
{
	switch (p->phase) {
	case PACE_IDLE:
		return now - p->since > most->idle;
	case PACE_RECEIVING:
		return now - p->since > most->receive;
	case PACE_ANSWERING:
		return unread_for(p, most->send, fd, now);
	case PACE_HELD:
	case PACE_STREAMING:
		break;
	}
	return false;
}
