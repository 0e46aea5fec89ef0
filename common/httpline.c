#include "common/httpline.h"

#include <microhttpd.h>
#include <string.h>
#include <sys/socket.h>

/* What it keeps of each parameter, and needs besides. */
enum { PARAMETER = 64, BESIDES = 192 };

bool httpline_fits(const char *target, size_t memory)
{
	const char *s = strchr(target, '?');
	size_t parameters = 1;
	if (MHD_VERSION >= 0x01000000 || s == NULL)
		return true;
	while ((s = strchr(s, '&')) != NULL) {
		parameters++;
		s++;
	}
	return strlen(target) + parameters * PARAMETER + BESIDES <= memory;
}

void httpline_refuse(int fd)
{
	static const char answer[] =
	    "HTTP/1.1 431 Request Header Fields Too Large\r\n"
	    "Connection: close\r\nContent-Length: 0\r\n\r\n";
	/* Fresh of an answer, the socket has room; else the end says it. */
	(void)send(fd, answer, sizeof answer - 1, MSG_NOSIGNAL | MSG_DONTWAIT);
	(void)shutdown(fd, SHUT_WR);
}
