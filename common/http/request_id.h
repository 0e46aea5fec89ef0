/* The id of a request, which its answer, its log lines and its problem name:
 * the header X-Request-Id, as proxies make it (pure core, but for the ids that
 * are made).
 */
#pragma once

#include <stdbool.h>

#define REQUEST_ID_HEADER "X-Request-Id"

enum {
	REQUEST_ID_MAX = 128, /* of one that a client sends */
	REQUEST_ID_OWN = 16,  /* of one that is made */
};

/* May it be taken? It has 1 to REQUEST_ID_MAX letters, digits and -_.:/+=@~,
 * so it stays what it is in a header, in JSON and in a log line. */
bool request_id_is_valid(const char *text);
/* Makes one: 16 hexadecimal digits, which no other request of this thread has,
 * and most likely none at all. */
void request_id_make(char out[REQUEST_ID_OWN + 1]);
