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
struct origin_check {
	const char *method;
	const char *host;
	const char *origin;	  /* Origin */
	const char *fetch_site;	  /* Sec-Fetch-Site */
	const char *content_type; /* Content-Type */
	const char *mark;	  /* ORIGIN_CHECK_HEADER */
};

#define ORIGIN_CHECK_HEADER "Sluice-Admin"

/* Does a page of another origin ask? */
bool origin_check_is_foreign(const struct origin_check *g);
/* Why this request is not answered; NULL: it is. `hosts`: names, with commas
 * between, that this listener has beside its addresses and localhost. */
const char *origin_check_refuses(
    const struct origin_check *g, const char *hosts);
/* Is it a list of names? */
bool origin_check_check_hosts(const char *hosts);
