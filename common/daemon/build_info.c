#include "common/daemon/build_info.h"

#include "common/log/stored_formats.h"

#include <gnutls/gnutls.h>
#include <hiredis/hiredis.h>
#include <jansson.h>
#include <libpq-fe.h>
#include <librdkafka/rdkafka.h>
#include <microhttpd.h>
#include <openssl/crypto.h>
#include <stdio.h>
#include <uv.h>

enum { LIBRARIES = 8, TEXT = 64 };

struct library {
	const char *name;
	char version[TEXT];
};

/* What is loaded, and not what was there when it was built. (hiredis does not
 * say it.) */
static void list(struct library out[LIBRARIES])
{
	const int pq = PQlibVersion();
	struct library *l = out;
#define ADD(text, ...)                                                         \
	do {                                                                   \
		l->name = (text);                                              \
		snprintf(l->version, TEXT, __VA_ARGS__);                       \
		l++;                                                           \
	} while (0)
	ADD("librdkafka", "%s", rd_kafka_version_str());
	ADD("libmicrohttpd", "%s", MHD_get_version());
	ADD("libpq", "%d.%d", pq / 10000, pq % 10000);
	ADD("hiredis", "%d.%d.%d", HIREDIS_MAJOR, HIREDIS_MINOR, HIREDIS_PATCH);
	ADD("libuv", "%s", uv_version_string());
	ADD("OpenSSL", "%s", OpenSSL_version(OPENSSL_VERSION_STRING));
	ADD("GnuTLS", "%s", gnutls_check_version(NULL));
	ADD("jansson", "%s", jansson_version_str());
#undef ADD
}

void build_info_print(const char *program)
{
	struct library all[LIBRARIES];
	list(all);
	printf(
	    "%s v%s (commit %s)\n", program, SLUICE_VERSION, build_info_commit);
	for (size_t i = 0; i < LIBRARIES; i++)
		printf("%s %s\n", all[i].name, all[i].version);
	printf("formats:");
	for (size_t i = 0; i < STORED_FORMATS; i++)
		printf("%s %s %d", i ? "," : "", stored_formats[i].name,
		    stored_formats[i].number);
	printf("\n");
}

void build_info_json(struct buf *out)
{
	struct library all[LIBRARIES];
	list(all);
	buf_printf(out, "{\"version\":\"%s\",\"commit\":\"%s\",\"libraries\":{",
	    SLUICE_VERSION, build_info_commit);
	for (size_t i = 0; i < LIBRARIES; i++)
		buf_printf(out, "%s\"%s\":\"%s\"", i ? "," : "", all[i].name,
		    all[i].version);
	buf_str(out, "},\"formats\":{");
	for (size_t i = 0; i < STORED_FORMATS; i++)
		buf_printf(out, "%s\"%s\":%d", i ? "," : "",
		    stored_formats[i].name, stored_formats[i].number);
	buf_str(out, "}}\n");
}
