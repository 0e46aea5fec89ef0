/* The certificate of a listener: files, handshakes, reload, client
 * certificates. */
#include "tests/unit/certificates.h"

#include "common/net/pem_file.h"
#include "common/net/tls_client.h"
#include "common/net/tls_peer.h"
#include "common/net/tls_server.h"

#include <errno.h>
#include <fcntl.h>
#include <sys/socket.h>
#include <sys/stat.h>

static char folder[64];
static struct certificate ca, other_ca, server, next, alice, eve, expired;

static int make_all(void **state)
{
	(void)state;
	snprintf(folder, sizeof folder, "/tmp/sluice-tls-XXXXXX");
	assert_non_null(mkdtemp(folder));
	certificate_authority(&ca, folder, "ca");
	certificate_authority(&other_ca, folder, "other");
	certificate_issue(&server, folder, "server", &ca, "CN=server", "here");
	certificate_issue(&next, folder, "next", &ca, "CN=next", "here");
	certificate_issue(&alice, folder, "alice", &ca, "CN=alice,O=acme", "a");
	certificate_issue(&eve, folder, "eve", &other_ca, "CN=eve", "e");
	certificate_issue(&expired, folder, "expired", &ca, "CN=late", "l");
	certificate_expire(&expired, &ca);
	return 0;
}

static int free_all(void **state)
{
	(void)state;
	struct certificate *const all[] = {
	    &ca, &other_ca, &server, &next, &alice, &eve, &expired};
	for (size_t i = 0; i < sizeof all / sizeof *all; i++)
		certificate_free(all[i]);
	rmdir(folder);
	return 0;
}

/* --- both sides of a connection ------------------------------------------- */

struct both {
	int fds[2];
	gnutls_session_t session;
	struct tls_credentials *credentials;
	struct tls_client *client;
	int server_rc;
};

static struct tls_client_options trusting(const struct certificate *whom)
{
	return (struct tls_client_options){
	    .name = "redis.tls", .ca = whom->cert_path, .cert = "", .key = ""};
}

static void open_both(struct both *b, struct tls_server *s,
    const struct tls_client_options *o, const char *host)
{
	assert_int_equal(
	    socketpair(AF_UNIX, SOCK_STREAM | SOCK_NONBLOCK, 0, b->fds), 0);
	assert_int_equal(
	    gnutls_init(&b->session, GNUTLS_SERVER | GNUTLS_NONBLOCK), 0);
	gnutls_transport_set_int(b->session, b->fds[0]);
	b->credentials = tls_server_begin(s, b->session);
	struct err e = tls_client_new(o, host, b->fds[1], &b->client);
	assert_int_equal(e.kind, ERR_KIND_OK);
}

/* The result of the client. */
static enum tls_step shake(struct both *b)
{
	enum tls_step step = TLS_READ;
	b->server_rc = GNUTLS_E_AGAIN;
	for (int i = 0; i < 1000; i++) {
		if (step == TLS_READ || step == TLS_WRITE)
			step = tls_client_handshake(b->client);
		if (b->server_rc == GNUTLS_E_AGAIN)
			b->server_rc = gnutls_handshake(b->session);
	}
	return step;
}

static void close_both(struct both *b)
{
	tls_client_free(&b->client);
	gnutls_deinit(b->session);
	tls_credentials_release(&b->credentials);
	close(b->fds[0]);
	close(b->fds[1]);
}

static struct tls_server_options with(
    const struct certificate *c, const struct certificate *client_ca)
{
	return (struct tls_server_options){.name = "tls",
	    .cert = c->cert_path,
	    .key = c->key_path,
	    .client_ca = client_ca ? client_ca->cert_path : ""};
}

static struct tls_server *serving(
    const struct certificate *c, const struct certificate *client_ca)
{
	struct tls_server *s;
	const struct tls_server_options o = with(c, client_ca);
	struct err e = tls_server_new(&o, &s);
	assert_int_equal(e.kind, ERR_KIND_OK);
	return s;
}

/* --- the server's certificate --------------------------------------------- */

static void a_trusted_server(void **state)
{
	(void)state;
	struct both b;
	char got[16];
	const struct tls_client_options o = trusting(&ca);
	struct tls_server *s = serving(&server, NULL);
	open_both(&b, s, &o, "here");
	assert_int_equal(shake(&b), TLS_DONE);
	assert_int_equal(b.server_rc, 0);
	assert_null(tls_peer_new(b.session));
	/* In both directions, and its end. */
	errno = 0;
	assert_int_equal(tls_client_recv(b.client, got, sizeof got), -1);
	assert_int_equal(errno, EAGAIN);
	assert_int_equal(tls_client_send(b.client, "ping", 4), 4);
	assert_int_equal(gnutls_record_recv(b.session, got, sizeof got), 4);
	assert_int_equal(gnutls_record_send(b.session, "pong!", 5), 5);
	assert_int_equal(tls_client_recv(b.client, got, 2), 2);
	assert_true(tls_client_pending(b.client));
	assert_int_equal(tls_client_recv(b.client, got, sizeof got), 3);
	assert_false(tls_client_pending(b.client));
	gnutls_bye(b.session, GNUTLS_SHUT_WR);
	assert_int_equal(tls_client_recv(b.client, got, sizeof got), 0);
	close_both(&b);
	tls_server_free(&s);
}

static void refused_by_client(const struct certificate *whose,
    const struct tls_client_options *o, const char *host, const char *why)
{
	struct both b;
	struct tls_server *s = serving(whose, NULL);
	open_both(&b, s, o, host);
	assert_int_equal(shake(&b), TLS_FAILED);
	assert_true(b.server_rc < 0);
	if (strstr(tls_client_error(b.client), why) == NULL)
		fail_msg("%s", tls_client_error(b.client));
	close_both(&b);
	tls_server_free(&s);
}

static void a_server_that_is_not_trusted(void **state)
{
	(void)state;
	struct tls_client_options o = trusting(&other_ca);
	refused_by_client(&server, &o, "here", "the certificate of here: ");
	o = trusting(&ca);
	refused_by_client(
	    &server, &o, "elsewhere", "the certificate of elsewhere: ");
	refused_by_client(
	    &server, &o, "127.0.0.1", "the certificate of 127.0.0.1: ");
	o.ca = ""; /* the system does not know this authority, either */
	refused_by_client(&server, &o, "here", "the certificate of here: ");
	/* Unless nobody looks. */
	struct both b;
	struct tls_server *s = serving(&server, NULL);
	o.unverified = true;
	open_both(&b, s, &o, "elsewhere");
	assert_int_equal(shake(&b), TLS_DONE);
	close_both(&b);
	tls_server_free(&s);
}

static const char *subject_of(struct both *b, char out[64])
{
	gnutls_x509_crt_t crt;
	gnutls_datum_t dn;
	const gnutls_datum_t *mine = gnutls_certificate_get_ours(b->session);
	gnutls_x509_crt_init(&crt);
	gnutls_x509_crt_import(crt, mine, GNUTLS_X509_FMT_DER);
	gnutls_x509_crt_get_dn3(crt, &dn, 0);
	snprintf(out, 64, "%s", (const char *)dn.data);
	gnutls_free(dn.data);
	gnutls_x509_crt_deinit(crt);
	return out;
}

static void move(const char *from, const char *to)
{
	gnutls_datum_t d;
	struct err e = pem_file_read("x", from, &d);
	assert_int_equal(e.kind, ERR_KIND_OK);
	certificate_save(to, &d, "w");
	pem_file_free(&d);
}

static void a_reload(void **state)
{
	(void)state;
	struct both b, c;
	char name[64];
	bool changed = false;
	const struct tls_client_options o = trusting(&ca);
	struct tls_server *s = serving(&server, NULL);
	open_both(&b, s, &o, "here");
	assert_int_equal(tls_server_reload(s, &changed).kind, ERR_KIND_OK);
	assert_false(changed);
	move(next.cert_path, server.cert_path);
	/* The key is still the former one: nothing changes. */
	struct err e = tls_server_reload(s, &changed);
	assert_int_equal(e.kind, ERR_KIND_FATAL);
	assert_non_null(strstr(e.msg, "setting 'tls.key': /tmp/"));
	assert_non_null(strstr(e.msg, "not the key of the certificate"));
	assert_false(changed);
	move(next.key_path, server.key_path);
	assert_int_equal(tls_server_reload(s, &changed).kind, ERR_KIND_OK);
	assert_true(changed);
	/* One that had begun goes on with the former one. */
	assert_int_equal(shake(&b), TLS_DONE);
	assert_string_equal(subject_of(&b, name), "CN=server");
	open_both(&c, s, &o, "here");
	assert_int_equal(shake(&c), TLS_DONE);
	assert_string_equal(subject_of(&c, name), "CN=next");
	tls_server_free(&s); /* before its sessions */
	close_both(&b);
	close_both(&c);
	certificate_write(&server);
}

static void files_that_cannot_be_used(void **state)
{
	(void)state;
	static const struct {
		const char *cert, *key, *ca, *text;
	} table[] = {
	    {"/gone", "server.key", "", "'tls.cert': /gone: No such"},
	    {"server.pem", "/gone", "", "'tls.key': /gone: No such"},
	    {"server.pem", "server.key", "/gone", "'tls.client_ca'"},
	    {"server.key", "server.key", "", "'tls.cert'"},
	    {"server.pem", "server.pem", "", "'tls.key'"},
	    {"server.pem", "server.key", "server.key", "'tls.client_ca'"},
	    {"server.pem", "alice.key", "", "not the key of the certificate"},
	    {".", "server.key", "", "not a regular file"},
	};
	for (size_t i = 0; i < sizeof table / sizeof *table; i++) {
		char paths[3][128];
		const char *const given[] = {
		    table[i].cert, table[i].key, table[i].ca};
		for (size_t k = 0; k < 3; k++)
			snprintf(paths[k], sizeof paths[k], "%s%s%s",
			    given[k][0] == '/' || !given[k][0] ? "" : folder,
			    given[k][0] == '/' || !given[k][0] ? "" : "/",
			    given[k]);
		const struct tls_server_options o = {.name = "tls",
		    .cert = paths[0],
		    .key = paths[1],
		    .client_ca = paths[2]};
		struct tls_server *s;
		struct err e = tls_server_check_files(&o);
		assert_int_equal(e.kind, ERR_KIND_FATAL);
		if (strstr(e.msg, table[i].text) == NULL)
			fail_msg("%s: %s", table[i].text, e.msg);
		assert_int_equal(tls_server_new(&o, &s).kind, ERR_KIND_FATAL);
		assert_null(s);
	}
}

static void both_or_none(void **state)
{
	(void)state;
	bool wanted;
	struct tls_server_options o = {
	    .name = "tls", .cert = "", .key = "", .client_ca = ""};
	assert_int_equal(tls_server_check(&o, &wanted).kind, ERR_KIND_OK);
	assert_false(wanted);
	o.client_ca = "x";
	struct err e = tls_server_check(&o, &wanted);
	assert_non_null(strstr(e.msg, "'tls.cert' is missing"));
	o.cert = "x";
	e = tls_server_check(&o, &wanted);
	assert_non_null(strstr(e.msg, "'tls.key' is missing"));
	o.key = "x";
	assert_int_equal(tls_server_check(&o, &wanted).kind, ERR_KIND_OK);
	assert_true(wanted);
}

/* Renewal may come too late: it is used, and clients refuse it. */
static void an_expired_certificate(void **state)
{
	(void)state;
	const struct tls_client_options o = trusting(&ca);
	gnutls_x509_crt_set_subject_alt_name(
	    expired.crt, GNUTLS_SAN_DNSNAME, "here", 4, GNUTLS_FSAN_APPEND);
	certificate_expire(&expired, &ca);
	refused_by_client(&expired, &o, "here", "expired");
}

/* --- the client's certificate --------------------------------------------- */

static struct tls_client_options as(const struct certificate *who)
{
	struct tls_client_options o = trusting(&ca);
	o.cert = who->cert_path;
	o.key = who->key_path;
	return o;
}

static void a_client_with_a_certificate(void **state)
{
	(void)state;
	struct both b;
	const struct tls_client_options o = as(&alice);
	struct tls_server *s = serving(&server, &ca);
	open_both(&b, s, &o, "here");
	assert_int_equal(shake(&b), TLS_DONE);
	assert_int_equal(b.server_rc, 0);
	struct tls_peer *p = tls_peer_new(b.session);
	assert_non_null(p);
	assert_string_equal(p->subject, "CN=alice,O=acme");
	assert_int_equal(p->nnames, 1);
	assert_string_equal(p->names[0], "DNS:a");
	tls_peer_free(&p);
	close_both(&b);
	/* One without is served, too. */
	const struct tls_client_options none = trusting(&ca);
	open_both(&b, s, &none, "here");
	assert_int_equal(shake(&b), TLS_DONE);
	assert_int_equal(b.server_rc, 0);
	assert_null(tls_peer_new(b.session));
	close_both(&b);
	tls_server_free(&s);
}

static void refused_by_server(const struct certificate *who)
{
	struct both b;
	char byte;
	const struct tls_client_options o = as(who);
	struct tls_server *s = serving(&server, &ca);
	open_both(&b, s, &o, "here");
	shake(&b); /* with TLS 1.3, the client is done before the server is */
	assert_int_equal(b.server_rc, GNUTLS_E_CERTIFICATE_VERIFICATION_ERROR);
	assert_int_equal(tls_client_recv(b.client, &byte, 1), -1);
	assert_non_null(strstr(tls_client_error(b.client), "server refuses"));
	close_both(&b);
	tls_server_free(&s);
}

static void a_client_that_is_not_trusted(void **state)
{
	(void)state;
	refused_by_server(&eve);
	refused_by_server(&expired);
	/* Nobody is asked where no authority is set. */
	struct both b;
	const struct tls_client_options o = as(&eve);
	struct tls_server *s = serving(&server, NULL);
	open_both(&b, s, &o, "here");
	assert_int_equal(shake(&b), TLS_DONE);
	assert_int_equal(b.server_rc, 0);
	assert_null(tls_peer_new(b.session));
	close_both(&b);
	tls_server_free(&s);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test(a_trusted_server),
	    cmocka_unit_test(a_server_that_is_not_trusted),
	    cmocka_unit_test(a_reload),
	    cmocka_unit_test(files_that_cannot_be_used),
	    cmocka_unit_test(both_or_none),
	    cmocka_unit_test(a_client_with_a_certificate),
	    cmocka_unit_test(an_expired_certificate),
	    cmocka_unit_test(a_client_that_is_not_trusted),
	};
	return cmocka_run_group_tests(tests, make_all, free_all);
}
