#include "common/http/http_head.h"

#include "common/http/client_socket.h"
#include "common/http/request_id.h"

#include <ctype.h>
#include <string.h>
#include <strings.h>

#define PREFIX "urn:sluice:problem:"
#define NOSNIFF_NAME "X-Content-Type-Options"
#define NOSNIFF_VALUE "nosniff"
#define RETRY_AFTER_S "1"

/* Is libmicrohttpd older than 1.0? Such a version accepts malformed heads. The
 * checks below find them in its buffer. */
#define LENIENT (MHD_VERSION < 0x01000000)

#define MALFORMED(name, detail)                                                \
	const struct http_head_fault name = {400, PREFIX "malformed-request",  \
	    "The request is malformed", detail}

static MALFORMED(bad_name, "A header name is not a token.");
static MALFORMED(bad_method,
    "The request line must begin with a method (a token) and one space.");
static MALFORMED(bad_line, "A header line has no name, does not end with CR "
			   "LF, contains another CR or a NUL, or is folded.");
static MALFORMED(bad_host, "A request needs exactly one Host header, with a "
			   "host and optionally a port.");
static MALFORMED(two_lengths, "The headers give the length of the body twice.");
static MALFORMED(two_codings,
    "Only one Transfer-Encoding is allowed, and it must be chunked.");
static MALFORMED(blank_coding,
    "The value of Transfer-Encoding must not be followed by a space.");
static MALFORMED(old_coding, "HTTP/1.0 has no Transfer-Encoding.");
MALFORMED(http_head_bad_target, "The target must be a path or an http URL, "
				"without spaces, line ends or a NUL.");
MALFORMED(http_head_bad_length, "Content-Length must be a number of digits.");
MALFORMED(http_head_bad_chunk, "The chunked coding of the body is malformed.");
static const struct http_head_fault unknown_coding = {501,
    PREFIX "unknown-transfer-coding", "Unknown transfer coding",
    "The only supported Transfer-Encoding of a body is chunked."};
const struct http_head_fault http_head_too_many_headers = {431,
    PREFIX "headers-too-large", "The request's headers are too large",
    "The request line has too many parameters."};
const struct http_head_fault http_head_too_large = {413,
    PREFIX "payload-too-large", "The body is too large",
    "The body is larger than this route accepts."};
const struct http_head_fault http_head_encoded = {415,
    PREFIX "unsupported-media-type", "Unsupported media type of the body",
    "Send the body without a Content-Encoding."};
const struct http_head_fault http_head_full = {503, PREFIX "write-buffer-full",
    "Too many requests are waiting",
    "The bodies of requests in progress use all the memory that the setting "
    "http.body_budget allows."};

/* --- what is well-formed (pure core) ------------------------------------- */

static size_t trimmed(const char *s)
{
	size_t len = strlen(s);
	while (len && (s[len - 1] == ' ' || s[len - 1] == '\t'))
		len--;
	return len;
}

static bool http_head_is(const char *s, size_t len, const char *word)
{
	return len == strlen(word) && strncasecmp(s, word, len) == 0;
}

/* RFC 9110, 5.6.2 */
static bool is_token(const char *s)
{
	static const char others[] = "!#$%&'*+-.^_`|~";
	const char *from = s;
	while (isalnum((unsigned char)*s) || (*s && strchr(others, *s)))
		s++;
	return s > from && *s == '\0';
}

static bool are_digits(const char *s, size_t len)
{
	for (size_t i = 0; i < len; i++) {
		if (s[i] < '0' || s[i] > '9')
			return false;
	}
	return len > 0;
}

/* Has `host[:port]` only allowed characters (RFC 3986, 3.2.2)? It may be empty.
 */
static bool is_host(const char *s, size_t len)
{
	static const char others[] = "-._~%!$&'()*+,;=";
	size_t at = 0;
	if (len && s[0] == '[') {
		while (at < len && s[at] != ']')
			at++;
		if (at++ == len ||
		    strspn(s + 1, "0123456789abcdefABCDEF:.%"
				  "ghijklmnopqrstuvwxyz-_") != at - 2)
			return false;
	} else {
		while (at < len &&
		       (isalnum((unsigned char)s[at]) || strchr(others, s[at])))
			at++;
	}
	return at == len ||
	       (s[at] == ':' &&
		   (at + 1 == len || are_digits(s + at + 1, len - at - 1)));
}

/* False: the number is too large. */
static bool http_head_number(const char *s, size_t len, uint64_t *out)
{
	uint64_t n = 0;
	for (size_t i = 0; i < len; i++) {
		uint64_t digit = (uint64_t)(s[i] - '0');
		if (n > (HTTP_HEAD_UNKNOWN - 1 - digit) / 10)
			return false;
		n = n * 10 + digit;
	}
	*out = n;
	return true;
}

const char *http_head_path(const char *target)
{
	if (target[0] == '/' || strcmp(target, "*") == 0)
		return target;
	size_t scheme = strncasecmp(target, "http://", 7) == 0	  ? 7
			: strncasecmp(target, "https://", 8) == 0 ? 8
								  : 0;
	if (scheme == 0)
		return NULL;
	size_t host = strcspn(target + scheme, "/");
	const char *path = target + scheme + host;
	if (host == 0 || !is_host(target + scheme, host))
		return NULL;
	return *path ? path : "/";
}

bool http_head_is_json(const char *type)
{
	size_t len = type ? strcspn(type, "; \t") : 0;
	return http_head_is(type, len, "application/json") ||
	       (len > 17 && strncasecmp(type, "application/", 12) == 0 &&
		   http_head_is(type + len - 5, 5, "+json"));
}

/* --- the headers --------------------------------------------------------- */

struct http_head_look {
	struct http_head *head;
	const char *length; /* value and length of the first one */
	size_t length_len;
	size_t hosts, codings;
	const char *next; /* where the next line begins */
};

static void fault(struct http_head_look *l, const struct http_head_fault *f)
{
	if (l->head->fault == NULL)
		l->head->fault = f;
}

/* In the buffer, libmicrohttpd has replaced CR and LF after a value by two
 * zeros; the next name follows them. After a bare LF, a NUL in a value or a
 * folded line, the next name is elsewhere. A bare CR stays in the value. */
static bool is_line(
    struct http_head_look *l, const char *name, const char *value)
{
	if (!LENIENT)
		return true;
	const char *s = name + strlen(name) + 1;
	size_t len = strcspn(value, "\r");
	bool here = name == l->next && value[len] == '\0';
	l->next = value + len + strlen("\r\n");
	while (here && s < value && (*s == ' ' || *s == '\t'))
		s++;
	return here && s == value && l->next[-1] == '\0';
}

static void look_at_length(struct http_head_look *l, const char *value)
{
	size_t len = trimmed(value);
	if (l->length &&
	    (len != l->length_len || memcmp(l->length, value, len) != 0))
		fault(l, &two_lengths);
	l->length = value;
	l->length_len = len;
	if (!are_digits(value, len))
		fault(l, &http_head_bad_length);
	else if (!http_head_number(value, len, &l->head->length))
		fault(l, &http_head_too_large);
}

static void look_at_coding(struct http_head_look *l, const char *value)
{
	size_t len = trimmed(value);
	if (l->codings++)
		fault(l, &two_codings);
	if (!http_head_is(value, len, "chunked"))
		fault(l, &unknown_coding);
	/* With a blank after it, libmicrohttpd before 1.0 does not recognize
	 * it. */
	else if (LENIENT && value[len])
		fault(l, &blank_coding);
}

static void look_at_host(struct http_head_look *l, const char *value)
{
	if (l->head->host == NULL)
		l->head->host = value;
	if (l->hosts++ || !is_host(value, trimmed(value)))
		fault(l, &bad_host);
}

static void look_at_encoding(struct http_head_look *l, const char *value)
{
	size_t len = trimmed(value);
	if (len && !http_head_is(value, len, "identity"))
		l->head->encoded = true;
}

/* Keeps the value of the first header of this name. */
static void http_head_keep(
    const char **out, const char *name, const char *wanted, const char *value)
{
	if (*out == NULL && strcasecmp(name, wanted) == 0)
		*out = value;
}

static enum MHD_Result http_head_look(
    void *arg, enum MHD_ValueKind kind, const char *name, const char *value)
{
	struct http_head_look *l = arg;
	(void)kind;
	value = value ? value : "";
	if (!is_token(name))
		fault(l, &bad_name);
	else if (!is_line(l, name, value))
		fault(l, &bad_line);
	switch (strlen(name)) { /* most headers match no case */
	case 4:
		if (strcasecmp(name, MHD_HTTP_HEADER_HOST) == 0)
			look_at_host(l, value);
		break;
	case 6:
		http_head_keep(&l->head->origin, name, "Origin", value);
		break;
	case 11:
		http_head_keep(
		    &l->head->traceparent, name, "traceparent", value);
		break;
	case 12:
		http_head_keep(&l->head->content_type, name,
		    MHD_HTTP_HEADER_CONTENT_TYPE, value);
		http_head_keep(
		    &l->head->request_id, name, REQUEST_ID_HEADER, value);
		break;
	case 14:
		if (strcasecmp(name, MHD_HTTP_HEADER_CONTENT_LENGTH) == 0)
			look_at_length(l, value);
		http_head_keep(
		    &l->head->fetch_site, name, "Sec-Fetch-Site", value);
		break;
	case 16:
		if (strcasecmp(name, MHD_HTTP_HEADER_CONTENT_ENCODING) == 0)
			look_at_encoding(l, value);
		break;
	case 17:
		if (strcasecmp(name, MHD_HTTP_HEADER_TRANSFER_ENCODING) == 0)
			look_at_coding(l, value);
		break;
	}
	return MHD_YES;
}

/* Does the head end where libmicrohttpd says? It takes a line without a name
 * for the end of the head, and what follows for the next request. */
static bool http_head_is_whole(
    struct MHD_Connection *c, const char *method, const char *next)
{
	if (!LENIENT)
		return true;
	const union MHD_ConnectionInfo *info =
	    MHD_get_connection_info(c, MHD_CONNECTION_INFO_REQUEST_HEADER_SIZE);
	return info && method + info->header_size == next + strlen("\r\n");
}

/* If the method contains a NUL, the target is elsewhere. */
static bool is_method(const char *method, const char *target)
{
	return is_token(method) &&
	       (!LENIENT || target == method + strlen(method) + 1);
}

void http_head_read(struct MHD_Connection *c, const char *method,
    const char *target, const char *version, struct http_head *out)
{
	const char *next = version + strlen(version) + strlen("\r\n");
	struct http_head_look l = {.head = out, .next = next};
	bool old = strcmp(version, MHD_HTTP_VERSION_1_0) == 0;
	*out = (struct http_head){0};
	if (!is_method(method, target))
		fault(&l, &bad_method);
	MHD_get_connection_values(c, MHD_HEADER_KIND, http_head_look, &l);
	if (!http_head_is_whole(c, method, l.next))
		fault(&l, &bad_line);
	if (l.codings && l.length)
		fault(&l, &two_lengths);
	if (l.codings && old)
		fault(&l, &old_coding);
	if (l.hosts == 0 && !old)
		fault(&l, &bad_host);
	if (l.codings)
		out->length = HTTP_HEAD_UNKNOWN;
}

/* --- answers ------------------------------------------------------------- */

void http_head_problem(struct buf *out, const struct http_head_fault *f)
{
	buf_printf(out, "{\"type\":\"%s\",\"status\":%u,\"title\":", f->type,
	    f->status);
	buf_json(out, f->title, strlen(f->title));
	buf_str(out, ",\"detail\":");
	buf_json(out, f->detail, strlen(f->detail));
	buf_str(out, "}\n");
}

void http_head_type(struct MHD_Response *response, const char *type)
{
	if (type)
		MHD_add_response_header(
		    response, MHD_HTTP_HEADER_CONTENT_TYPE, type);
	MHD_add_response_header(response, NOSNIFF_NAME, NOSNIFF_VALUE);
}

void http_head_private(struct MHD_Response *response)
{
	MHD_add_response_header(
	    response, MHD_HTTP_HEADER_CACHE_CONTROL, "private");
	MHD_add_response_header(
	    response, MHD_HTTP_HEADER_VARY, "Authorization, X-API-Key");
}

struct MHD_Response *http_head_response(const struct http_head_fault *f)
{
	struct buf body = {0};
	size_t len;
	http_head_problem(&body, f);
	char *text = buf_take(&body, &len);
	struct MHD_Response *r =
	    MHD_create_response_from_buffer(len, text, MHD_RESPMEM_MUST_FREE);
	http_head_type(r, "application/problem+json");
	if (f->status == 415)
		MHD_add_response_header(
		    r, MHD_HTTP_HEADER_ACCEPT_ENCODING, "identity");
	if (f->status == 503)
		MHD_add_response_header(
		    r, MHD_HTTP_HEADER_RETRY_AFTER, RETRY_AFTER_S);
	return r;
}

static const char *phrase(unsigned status)
{
	switch (status) {
	case 413:
		return "Content Too Large";
	case 431:
		return "Request Header Fields Too Large";
	case 503:
		return "Service Unavailable";
	}
	return "Bad Request";
}

void http_head_refuse(struct MHD_Connection *c, const struct http_head_fault *f)
{
	struct buf body = {0}, answer = {0};
	http_head_problem(&body, f);
	buf_printf(&answer,
	    "HTTP/1.1 %u %s\r\nConnection: close\r\n"
	    "Content-Type: application/problem+json\r\n" NOSNIFF_NAME
	    ": " NOSNIFF_VALUE "\r\n"
	    "%sContent-Length: %zu\r\n\r\n%s",
	    f->status, phrase(f->status),
	    f->status == 503 ? "Retry-After: " RETRY_AFTER_S "\r\n" : "",
	    body.len, body.data);
	/* Usually the socket has room. If not, the client only sees the end of
	 * the connection. */
	client_socket_send(c, answer.data, answer.len);
	client_socket_end(c);
	buf_free(&body);
	buf_free(&answer);
}

/* --- before 1.0 ---------------------------------------------------------- */

/* Bytes that libmicrohttpd needs for each parameter, and in addition. */
enum { PARAMETER = 64, BESIDES = 192 };

bool http_head_fits(const char *target, size_t memory)
{
	const char *s = strchr(target, '?');
	size_t parameters = 1;
	if (!LENIENT || s == NULL)
		return true;
	while ((s = strchr(s, '&')) != NULL) {
		parameters++;
		s++;
	}
	return strlen(target) + parameters * PARAMETER + BESIDES <= memory;
}

const char *http_head_version_at(const char *target)
{
	return LENIENT ? target + strcspn(target, " \t\v\f\r\n") + 1 : NULL;
}

/* `end` is after the LF of a line. False: the LF is bare. */
static bool ends_line(const char *end)
{
	return end[-1] == '\n' && end[-2] == '\r';
}

/* In the buffer, the line with the size of the chunk precedes the piece, unless
 * the piece continues a chunk. Before that line are the zeros of the head, or
 * the end of the previous chunk. */
bool http_head_chunk_fits(const char *piece)
{
	if (!LENIENT || piece[-1] != '\n')
		return true;
	if (!ends_line(piece))
		return false;
	const char *line = piece - 2;
	while (line[-1] != '\n' && line[-1] != '\0')
		line--;
	if (line[-1] == '\n' && !ends_line(line))
		return false;
	/* A size of sixteen digits is too large. */
	const char *size = line + strspn(line, "0");
	return strspn(size, "0123456789abcdefABCDEF") < 16;
}

bool http_head_refuses_length(const char *message)
{
	return LENIENT && strstr(message, "Content-Length") != NULL;
}

bool http_head_has_bad_length(struct MHD_Connection *c)
{
	const char *value = MHD_lookup_connection_value(
	    c, MHD_HEADER_KIND, MHD_HTTP_HEADER_CONTENT_LENGTH);
	uint64_t n;
	size_t len = value ? strlen(value) : 0;
	return value &&
	       !(are_digits(value, len) && http_head_number(value, len, &n));
}
