#include "common/httpline.h"

#include <string.h>
#include <strings.h>
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

struct lengths {
	const char *first;
	bool chunked, differ;
};

static enum MHD_Result look(
    void *arg, enum MHD_ValueKind kind, const char *name, const char *value)
{
	struct lengths *l = arg;
	(void)kind;
	if (strcasecmp(name, MHD_HTTP_HEADER_TRANSFER_ENCODING) == 0)
		l->chunked = true;
	if (value == NULL ||
	    strcasecmp(name, MHD_HTTP_HEADER_CONTENT_LENGTH) != 0)
		return MHD_YES;
	if (l->first && strcmp(l->first, value) != 0)
		l->differ = true;
	l->first = value;
	return MHD_YES;
}

bool httpline_one_length(struct MHD_Connection *c)
{
	struct lengths l = {0};
	/* Most requests have no body: only one that tells a length is read. */
	if (!MHD_lookup_connection_value(
		c, MHD_HEADER_KIND, MHD_HTTP_HEADER_CONTENT_LENGTH))
		return true;
	MHD_get_connection_values(c, MHD_HEADER_KIND, look, &l);
	return !l.differ && !(l.chunked && l.first);
}
