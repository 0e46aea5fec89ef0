#include "common/net/tls_client.h"

#include "common/base/check.h"
#include "common/base/mem.h"
#include "common/net/pem_file.h"

#include <arpa/inet.h>
#include <errno.h>
#include <gnutls/gnutls.h>
#include <gnutls/x509.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static const char priorities[] = "NORMAL:-VERS-ALL:+VERS-TLS1.3:+VERS-TLS1.2";

struct tls_client {
	gnutls_certificate_credentials_t cert;
	gnutls_session_t session;
	char *host;
	char error[200];
};

/* --- files --------------------------------------------------------------- */

static struct err tls_client_bad(const struct tls_client_options *o,
    const char *setting, const char *path, const char *why)
{
	char name[48];
	snprintf(name, sizeof name, "%s.%s", o->name, setting);
	return pem_file_bad(name, path, why);
}

static struct err tls_client_read(const struct tls_client_options *o,
    const char *setting, const char *path, gnutls_datum_t *out)
{
	char name[48];
	snprintf(name, sizeof name, "%s.%s", o->name, setting);
	return pem_file_read(name, path, out);
}

static struct err trust(
    const struct tls_client_options *o, gnutls_certificate_credentials_t cert)
{
	gnutls_datum_t ca;
	if (o->unverified)
		return ERR_OK;
	if (o->ca[0] == '\0') {
		gnutls_certificate_set_x509_system_trust(cert);
		return ERR_OK;
	}
	struct err e = tls_client_read(o, "ca", o->ca, &ca);
	if (e.kind != ERR_KIND_OK)
		return e;
	int rc = gnutls_certificate_set_x509_trust_mem(
	    cert, &ca, GNUTLS_X509_FMT_PEM);
	pem_file_free(&ca);
	if (rc > 0)
		return ERR_OK;
	return tls_client_bad(o, "ca", o->ca,
	    rc < 0 ? gnutls_strerror(rc) : "it has no certificate");
}

static struct err take_pair(const struct tls_client_options *o,
    gnutls_certificate_credentials_t into, const gnutls_datum_t *cert,
    const gnutls_datum_t *key)
{
	int rc = gnutls_certificate_set_x509_key_mem2(
	    into, cert, key, GNUTLS_X509_FMT_PEM, NULL, 0);
	if (rc == GNUTLS_E_CERTIFICATE_KEY_MISMATCH)
		return tls_client_bad(
		    o, "key", o->key, "it is not the key of the certificate");
	if (rc == GNUTLS_E_DECRYPTION_FAILED)
		return tls_client_bad(o, "key", o->key,
		    "it is encrypted; a key without a password is needed");
	if (rc < 0)
		return err_make(ERR_KIND_FATAL, "tls",
		    "%s.cert '%s' and %s.key '%s': %s", o->name, o->cert,
		    o->name, o->key, gnutls_strerror(rc));
	return ERR_OK;
}

static struct err introduce(
    const struct tls_client_options *o, gnutls_certificate_credentials_t into)
{
	gnutls_datum_t cert = {0}, key = {0};
	if (o->cert[0] == '\0' && o->key[0] == '\0')
		return ERR_OK;
	if (o->cert[0] == '\0' || o->key[0] == '\0')
		return err_make(ERR_KIND_FATAL, "config",
		    "setting '%s.%s' is missing: %s.cert and %s.key belong "
		    "together",
		    o->name, o->cert[0] ? "key" : "cert", o->name, o->name);
	struct err e = tls_client_read(o, "cert", o->cert, &cert);
	if (e.kind == ERR_KIND_OK)
		e = tls_client_read(o, "key", o->key, &key);
	if (e.kind == ERR_KIND_OK)
		e = take_pair(o, into, &cert, &key);
	pem_file_free(&cert);
	pem_file_free(&key);
	return e;
}

static struct err read_credentials(
    const struct tls_client_options *o, gnutls_certificate_credentials_t *out)
{
	CHECK(gnutls_certificate_allocate_credentials(out) == 0);
	struct err e = trust(o, *out);
	if (e.kind == ERR_KIND_OK)
		e = introduce(o, *out);
	if (e.kind != ERR_KIND_OK) {
		gnutls_certificate_free_credentials(*out);
		*out = NULL;
	}
	return e;
}

struct err tls_client_check(const struct tls_client_options *o)
{
	gnutls_certificate_credentials_t cert;
	struct err e = read_credentials(o, &cert);
	if (cert)
		gnutls_certificate_free_credentials(cert);
	return e;
}

/* --- a session ----------------------------------------------------------- */

static bool tls_client_is_address(const char *host)
{
	unsigned char bytes[16];
	return inet_pton(AF_INET, host, bytes) == 1 ||
	       inet_pton(AF_INET6, host, bytes) == 1;
}

struct err tls_client_new(const struct tls_client_options *o, const char *host,
    int fd, struct tls_client **out)
{
	gnutls_certificate_credentials_t cert;
	*out = NULL;
	struct err e = read_credentials(o, &cert);
	if (e.kind != ERR_KIND_OK)
		return e;
	struct tls_client *t = MEM_NEW(struct tls_client);
	t->cert = cert;
	t->host = mem_strdup(host);
	CHECK(gnutls_init(&t->session,
		  GNUTLS_CLIENT | GNUTLS_NONBLOCK | GNUTLS_NO_SIGNAL) == 0);
	CHECK(gnutls_priority_set_direct(t->session, priorities, NULL) == 0);
	CHECK(gnutls_credentials_set(
		  t->session, GNUTLS_CRD_CERTIFICATE, cert) == 0);
	if (!tls_client_is_address(host))
		gnutls_server_name_set(
		    t->session, GNUTLS_NAME_DNS, host, strlen(host));
	if (!o->unverified)
		gnutls_session_set_verify_cert(t->session, t->host, 0);
	gnutls_handshake_set_timeout(t->session, 0); /* the caller's */
	gnutls_transport_set_int(t->session, fd);
	*out = t;
	return ERR_OK;
}

static void explain_certificate(struct tls_client *t)
{
	gnutls_datum_t text = {0};
	unsigned status = gnutls_session_get_verify_cert_status(t->session);
	gnutls_certificate_verification_status_print(
	    status, GNUTLS_CRT_X509, &text, 0);
	snprintf(t->error, sizeof t->error, "the certificate of %s: %s",
	    t->host, text.data ? (const char *)text.data : "is not valid");
	gnutls_free(text.data);
}

static void explain(struct tls_client *t, const char *what, int rc)
{
	if (rc == GNUTLS_E_CERTIFICATE_VERIFICATION_ERROR)
		explain_certificate(t);
	else if (rc == GNUTLS_E_FATAL_ALERT_RECEIVED)
		snprintf(t->error, sizeof t->error,
		    "%s: the server refuses: %s", what,
		    gnutls_alert_get_name(gnutls_alert_get(t->session)));
	else
		snprintf(t->error, sizeof t->error, "%s: %s", what,
		    gnutls_strerror(rc));
}

enum tls_step tls_client_handshake(struct tls_client *t)
{
	int rc = gnutls_handshake(t->session);
	if (rc == 0)
		return TLS_DONE;
	if (rc == GNUTLS_E_AGAIN || !gnutls_error_is_fatal(rc))
		return gnutls_record_get_direction(t->session) ? TLS_WRITE
							       : TLS_READ;
	explain(t, "TLS handshake", rc);
	(void)gnutls_alert_send_appropriate(t->session, rc);
	return TLS_FAILED;
}

/* What gnutls returned, as recv and send would. */
static ssize_t as_socket(struct tls_client *t, ssize_t n)
{
	if (n >= 0)
		return n;
	if (n == GNUTLS_E_AGAIN || n == GNUTLS_E_INTERRUPTED) {
		errno = EAGAIN;
		return -1;
	}
	explain(t, "TLS", (int)n);
	errno = EIO;
	return -1;
}

/* A message that is no data, such as a session ticket, is not the end. */
ssize_t tls_client_recv(struct tls_client *t, void *to, size_t len)
{
	ssize_t n;
	do
		n = gnutls_record_recv(t->session, to, len);
	while (n < 0 && n != GNUTLS_E_AGAIN && !gnutls_error_is_fatal((int)n));
	return as_socket(t, n);
}

ssize_t tls_client_send(struct tls_client *t, const void *data, size_t len)
{
	return as_socket(t, gnutls_record_send(t->session, data, len));
}

bool tls_client_pending(const struct tls_client *t)
{
	return gnutls_record_check_pending(t->session) > 0;
}

const char *tls_client_error(const struct tls_client *t)
{
	return t->error;
}

void tls_client_free(struct tls_client **tp)
{
	struct tls_client *t = *tp;
	if (t == NULL)
		return;
	gnutls_deinit(t->session);
	gnutls_certificate_free_credentials(t->cert);
	free(t->host);
	free(t);
	*tp = NULL;
}
