/* The settings auth.*: each fault names setting, file, place and reason. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "api/access/credentials_options.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

static char folder[] = "/tmp/sluice-options-XXXXXX";

static void write_file(const char *path, const char *text)
{
	FILE *f = fopen(path, "w");
	assert_non_null(f);
	fputs(text, f);
	fclose(f);
}

static struct credentials_options good(void)
{
	return (struct credentials_options){
	    .keys = "keys.json",
	    .jwks = "jwks.json",
	    .ca = "",
	    .issuer = "https://id",
	    .audience = "sluice",
	    .roles = "scope",
	    .subject = "sub",
	};
}

static void says(const struct credentials_options *o, const char *message)
{
	struct err e = credentials_options_check(o);
	if (e.kind == ERR_KIND_OK)
		e = credentials_options_check_files(o);
	if (message == NULL && e.kind == ERR_KIND_OK)
		return;
	assert_int_equal(e.kind, ERR_KIND_FATAL);
	if (message == NULL || strncmp(e.msg, message, strlen(message)) != 0)
		fail_msg("'%s'", e.msg);
}

#define WITH(member, value, message)                                           \
	do {                                                                   \
		struct credentials_options o = good();                         \
		o.member = value;                                              \
		says(&o, message);                                             \
	} while (0)

static void checks_each_setting(void **state)
{
	(void)state;
	WITH(jwks, "jwks.json", NULL);
	WITH(jwks, "https://id/keys", NULL); /* is not asked */
	WITH(jwks, "http://id/keys",
	    "setting 'auth.jwt.jwks' has a bad value; allowed: a path, an "
	    "https:// URL, or an http:// URL of a loopback address");
	WITH(jwks, "absent.json",
	    "setting 'auth.jwt.jwks': absent.json: No such file or directory");
	WITH(jwks, "empty.json",
	    "setting 'auth.jwt.jwks': empty.json: keys: has no key");
	WITH(jwks, "broken.json",
	    "setting 'auth.jwt.jwks': broken.json: line 2, column ");
	WITH(issuer, "",
	    "setting 'auth.jwt.issuer': must be set, since auth.jwt.jwks is");
	WITH(audience, "",
	    "setting 'auth.jwt.audience': must be set, since auth.jwt.jwks is");
	WITH(roles, "/realm_access/roles", NULL);
	WITH(roles, "https://id/roles", NULL);
	WITH(roles, "/a~b",
	    "setting 'auth.jwt.roles' has the bad value '/a~b'; allowed: the "
	    "name of a claim, or a JSON Pointer");
	WITH(roles, "", "setting 'auth.jwt.roles' has the bad value ''");
	WITH(subject, "/~2", "setting 'auth.jwt.subject' has the bad value");
	WITH(ca, "jwks.json", NULL);
	WITH(ca, "absent.pem",
	    "setting 'auth.jwt.ca': absent.pem: No such file or directory");
	WITH(keys, "", NULL);
	WITH(keys, "absent.json",
	    "setting 'auth.keys': absent.json: No such file or directory");
	WITH(keys, "bad-id.json",
	    "setting 'auth.keys': bad-id.json: keys[0].id: must be a string");
	WITH(keys, "bad-role.json",
	    "setting 'auth.keys': bad-role.json: keys[0].roles[0]: no "
	    "collection and no setting grants anything to the role boss");
}

/* A reload of the settings reads no files: each is reloaded on its own. */
static void reads_no_files_at_first(void **state)
{
	(void)state;
	struct credentials_options o = good();
	o.keys = o.jwks = o.ca = "absent";
	assert_int_equal(credentials_options_check(&o).kind, ERR_KIND_OK);
}

/* Without tokens, what belongs to them may be missing. */
static void asks_for_nothing_else(void **state)
{
	(void)state;
	struct credentials_options o = good();
	o.jwks = o.issuer = o.audience = o.keys = "";
	says(&o, NULL);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test(checks_each_setting),
	    cmocka_unit_test(reads_no_files_at_first),
	    cmocka_unit_test(asks_for_nothing_else),
	};
	static const char *const files[] = {"jwks.json", "empty.json",
	    "broken.json", "keys.json", "bad-id.json", "bad-role.json"};
	if (mkdtemp(folder) == NULL || chdir(folder) != 0)
		return EXIT_FAILURE;
	/* RFC 8037, A.2 */
	write_file("jwks.json",
	    "{\"keys\":[{\"kty\":\"OKP\",\"crv\":\"Ed25519\","
	    "\"x\":\"11qYAYKxCrfVS_7TyWQHOg7hcvPapiMlrwIaaPcHURo\"}]}");
	write_file("empty.json", "{\"keys\":[]}");
	write_file("broken.json", "{\n\"keys\"}");
	write_file("keys.json", "{\"keys\":[]}");
	write_file("bad-id.json", "{\"keys\":[{\"id\":\"A\"}]}");
	write_file("bad-role.json",
	    "{\"keys\":[{\"id\":\"a\",\"roles\":[\"boss\"],\"sha256\":\""
	    "0000000000000000000000000000000000000000000000000000000000000000"
	    "\"}]}");
	int failed = cmocka_run_group_tests(tests, NULL, NULL);
	for (size_t i = 0; i < sizeof files / sizeof *files; i++)
		unlink(files[i]);
	return chdir("/") == 0 && rmdir(folder) == 0 ? failed : EXIT_FAILURE;
}
