#include "common/net/tls_peer.h"

#include "common/base/buf.h"
#include "common/base/check.h"
#include "common/base/mem.h"

#include <arpa/inet.h>
#include <gnutls/x509.h>
#include <stdbool.h>
#include <stdlib.h>
#include <string.h>

enum { NAME_MAX_BYTES = 1024, NAMES_MAX = 64 };

static const char *prefix_of(unsigned type)
{
	switch (type) {
	case GNUTLS_SAN_DNSNAME:
		return "DNS:";
	case GNUTLS_SAN_URI:
		return "URI:";
	case GNUTLS_SAN_RFC822NAME:
		return "email:";
	case GNUTLS_SAN_IPADDRESS:
		return "IP:";
	default:
		return NULL;
	}
}

/* A NUL or another control character in a name is an attempt to look like
 * another name. */
static bool is_printable(const char *s, size_t len)
{
	for (size_t i = 0; i < len; i++) {
		if ((unsigned char)s[i] <= ' ' || s[i] == 0x7f)
			return false;
	}
	return len > 0;
}

static bool add_address(struct buf *out, const char *bytes, size_t len)
{
	char text[INET6_ADDRSTRLEN];
	int family = len == 4 ? AF_INET : len == 16 ? AF_INET6 : AF_UNSPEC;
	if (family == AF_UNSPEC || !inet_ntop(family, bytes, text, sizeof text))
		return false;
	buf_str(out, text);
	return true;
}

/* The name as text, owned; NULL: it is not one that counts. */
static char *name_text(unsigned type, const char *bytes, size_t len)
{
	struct buf text = {0};
	const char *prefix = prefix_of(type);
	if (prefix == NULL)
		return NULL;
	buf_str(&text, prefix);
	bool fine = type == GNUTLS_SAN_IPADDRESS
			? add_address(&text, bytes, len)
			: is_printable(bytes, len);
	if (fine && type != GNUTLS_SAN_IPADDRESS)
		buf_add(&text, bytes, len);
	if (fine)
		return buf_take(&text, NULL);
	buf_free(&text);
	return NULL;
}

static void add_names(struct tls_peer *p, gnutls_x509_crt_t crt)
{
	p->names = mem_zalloc(NAMES_MAX * sizeof *p->names);
	for (unsigned i = 0; i < NAMES_MAX; i++) {
		char bytes[NAME_MAX_BYTES];
		size_t len = sizeof bytes;
		unsigned type;
		int rc = gnutls_x509_crt_get_subject_alt_name2(
		    crt, i, bytes, &len, &type, NULL);
		if (rc == GNUTLS_E_REQUESTED_DATA_NOT_AVAILABLE)
			return;
		char *text = rc < 0 ? NULL : name_text(type, bytes, len);
		if (text)
			p->names[p->nnames++] = text;
	}
}

static void add_subject(struct tls_peer *p, gnutls_x509_crt_t crt)
{
	gnutls_datum_t dn = {0};
	gnutls_x509_crt_get_dn3(crt, &dn, 0);
	p->subject = dn.data ? mem_strndup((const char *)dn.data, dn.size)
			     : mem_strdup("");
	gnutls_free(dn.data);
}

struct tls_peer *tls_peer_new(gnutls_session_t session)
{
	unsigned n = 0;
	gnutls_x509_crt_t crt;
	const gnutls_datum_t *list = gnutls_certificate_get_peers(session, &n);
	if (list == NULL || n == 0)
		return NULL;
	CHECK(gnutls_x509_crt_init(&crt) == 0);
	struct tls_peer *p = NULL;
	if (gnutls_x509_crt_import(crt, &list[0], GNUTLS_X509_FMT_DER) == 0) {
		p = MEM_NEW(struct tls_peer);
		add_subject(p, crt);
		add_names(p, crt);
	}
	gnutls_x509_crt_deinit(crt);
	return p;
}

void tls_peer_free(struct tls_peer **pp)
{
	struct tls_peer *p = *pp;
	if (p == NULL)
		return;
	for (size_t i = 0; i < p->nnames; i++)
		free(p->names[i]);
	free(p->names);
	free(p->subject);
	free(p);
	*pp = NULL;
}
