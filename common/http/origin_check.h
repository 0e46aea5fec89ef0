/* Detects requests of foreign web pages (pure core): a page of another origin
 * may run in the browser of an operator who can reach this listener.
 *
 * Such a page can use the listener's address (then the Origin differs), or a
 * name of its own that leads here (DNS rebinding: then the Host differs). It
 * cannot send a header of our own or a JSON Content-Type: for these the browser
 * first asks for permission (a preflight), which is not given.
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

/* Does the request come from a page of another origin? */
bool origin_check_is_foreign(const struct origin_check *g);
/* Why this request is refused; NULL: it is not. `hosts`: names of this listener
 * besides its addresses and localhost, separated by commas. */
const char *origin_check_refuses(
    const struct origin_check *g, const char *hosts);
/* Is it a list of names? */
bool origin_check_check_hosts(const char *hosts);
