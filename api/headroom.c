#include "api/headroom.h"

#include "api/listquery.h"

#include <string.h>

enum {
	/* What libmicrohttpd keeps of each header and parameter. */
	ELEMENT = 64,
	PARAMETERS = LIST_FILTERS + 3,
	/* Request line; status line, Date, Cache-Status, Server-Timing, … */
	OTHERS = 2048,
};

struct sum {
	size_t n, bytes;
};

static enum MHD_Result add(
    void *arg, enum MHD_ValueKind kind, const char *name, const char *value)
{
	struct sum *sum = arg;
	(void)kind;
	sum->n++;
	sum->bytes += strlen(name) + strlen(value ? value : "") + 4;
	return MHD_YES;
}

bool headroom_for_link(const struct request *r, size_t len)
{
	const union MHD_ConnectionInfo *info = MHD_get_connection_info(
	    r->connection, MHD_CONNECTION_INFO_REQUEST_HEADER_SIZE);
	struct sum headers = {0};
	MHD_get_connection_values(
	    r->connection, MHD_HEADER_KIND, add, &headers);
	size_t now = info ? info->header_size : 0;
	size_t next = len + headers.bytes;
	return (now > next ? now : next) + len +
		   (headers.n + PARAMETERS) * ELEMENT + OTHERS <=
	       HTTPD_CONNECTION_MEMORY;
}
