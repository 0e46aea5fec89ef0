/* Whether a request may come from a page of somebody else, in the browser of
 * who can reach this listener (pure core).
 *
 * Such a page can ask by the address (another Origin), or by a name of its own
 * that leads here (DNS rebinding: another Host). What it cannot send without
 * being allowed to first (a preflight, which is not answered): a header of our
 * own, or a JSON Content-Type.
 */
#pragma once

#include <stdbool.h>

/* Headers of a request; NULL: there is none. */
struct guard {
	const char *method;
	const char *host;
	const char *origin;	  /* Origin */
	const char *fetch_site;	  /* Sec-Fetch-Site */
	const char *content_type; /* Content-Type */
	const char *mark;	  /* GUARD_HEADER */
};

#define GUARD_HEADER "Sluice-Admin"

/* Does a page of another origin ask? */
bool guard_is_foreign(const struct guard *g);
/* Why this request is not answered; NULL: it is. `hosts`: names, with commas
 * between, that this listener has beside its addresses and localhost. */
const char *guard_refuses(const struct guard *g, const char *hosts);
/* Is it a list of names? */
bool guard_check_hosts(const char *hosts);
