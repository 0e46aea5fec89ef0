/* What the settings auth.* say of credentials, and their checks. */
#pragma once

#include "common/base/clock.h"
#include "common/base/err.h"

/* Borrowed texts. */
struct credentials_options {
	const char *keys;     /* auth.keys; "": no API keys */
	const char *jwks;     /* auth.jwt.jwks; "": no tokens */
	const char *ca;	      /* auth.jwt.ca; "": the system's */
	const char *issuer;   /* auth.jwt.issuer */
	const char *audience; /* auth.jwt.audience */
	const char *roles;    /* auth.jwt.roles */
	const char *subject;  /* auth.jwt.subject */
	dur_us_t leeway;      /* auth.jwt.leeway */
};

/* The error names setting, value and what is allowed. */
struct err credentials_options_check(const struct credentials_options *o);
/* Before the daemon starts: reads the files. The roles must be known
 * (common/access/roles.h). The error names setting, file, place and reason. */
struct err credentials_options_check_files(const struct credentials_options *o);
