/* Detects requests of foreign web pages (pure core): a page of another origin
 * may run in a browser that can reach this listener.
 *
 * Such a page can use the listener's address (then the Origin differs), or a
 * name of its own that leads here (DNS rebinding: then the Host differs). It
 * cannot send a header of our own or a JSON Content-Type: for these the browser
 * first asks for permission (a preflight).
 */
#pragma once

#include <stdbool.h>
#include <stddef.h>

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

/* What a listener takes. The lists are separated by commas. */
struct origin_rules {
	const char *hosts; /* names besides its addresses and localhost */
	bool any_host;
	/* Pages of these origins may send requests; `*`: of all. */
	const char *origins;
	bool foreign_reads; /* pages of other origins may send reads */
	bool needs_mark; /* a change needs the mark, or a JSON Content-Type */
};

enum origin_fault { ORIGIN_OK, ORIGIN_HOST, ORIGIN_FOREIGN, ORIGIN_UNMARKED };

/* What is wrong with this request, if anything. */
enum origin_fault origin_check(
    const struct origin_check *g, const struct origin_rules *rules);
/* Does the request come from a page of another origin? */
bool origin_check_is_foreign(const struct origin_check *g);
/* Does the method only read (RFC 9110, 9.2.1)? */
bool origin_check_reads(const char *method);
/* Is the word in a list that is separated by commas? Letters are equal to
 * their capitals. */
bool origin_check_lists(const char *list, const char *word);
/* Is it a list of names? */
bool origin_check_check_hosts(const char *hosts);
