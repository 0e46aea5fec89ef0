#include "api/core/header_budget.h"

#include "common/http/httpd.h"

#include <string.h>

enum {
	/* Bytes that libmicrohttpd uses for each header and parameter. */
	ELEMENT = 64,
	/* Bytes for the request line, and for the status line, Date,
	 * Cache-Status, Server-Timing, X-Request-Id, those of CORS, … */
	OTHERS = 3072 + 256,
	/* libmicrohttpd reads the head into half of the memory; the body needs
	 * some of it. */
	HEADERS = HTTPD_CONNECTION_MEMORY / 2 - 1024,
};

static size_t header_size(struct MHD_Connection *c)
{
	const union MHD_ConnectionInfo *info =
	    MHD_get_connection_info(c, MHD_CONNECTION_INFO_REQUEST_HEADER_SIZE);
	return info ? info->header_size : 0;
}

size_t header_budget_of_positions(int32_t partitions)
{
	return 2 * POSITION_MAX_LEN * (size_t)partitions;
}

bool header_budget_is_exceeded(
    struct MHD_Connection *c, const char *method, int32_t partitions)
{
	return strcmp(method, "GET") != 0 && strcmp(method, "HEAD") != 0 &&
	       header_size(c) >
		   HEADERS + header_budget_of_positions(partitions) / 2;
}

struct sum {
	size_t n, bytes;
};

static enum MHD_Result header_budget_add(
    void *arg, enum MHD_ValueKind kind, const char *name, const char *value)
{
	struct sum *sum = arg;
	(void)kind;
	sum->n++;
	sum->bytes += strlen(name) + strlen(value ? value : "") + 4;
	return MHD_YES;
}

bool header_budget_for_link(const struct request *r, size_t len)
{
	struct sum headers = {0};
	MHD_get_connection_values(
	    r->connection, MHD_HEADER_KIND, header_budget_add, &headers);
	size_t now = header_size(r->connection);
	size_t next = len + headers.bytes;
	return (now > next ? now : next) + len +
		   (headers.n + HEADER_BUDGET_PARAMETERS) * ELEMENT + OTHERS <=
	       HTTPD_CONNECTION_MEMORY;
}
