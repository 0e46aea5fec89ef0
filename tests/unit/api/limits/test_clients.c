#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "api/limits/clients.h"

#include <arpa/inet.h>
#include <netinet/in.h>
#include <pthread.h>
#include <string.h>

static const size_t two[CLIENT_KINDS] = {2, 1, 1, 1, 1};

static bool enter(struct clients *cs, const char *text, struct client **out)
{
	struct sockaddr_in v4 = {.sin_family = AF_INET};
	struct sockaddr_in6 v6 = {.sin6_family = AF_INET6};
	if (inet_pton(AF_INET, text, &v4.sin_addr) == 1)
		return clients_enter(cs, (struct sockaddr *)&v4, out);
	assert_int_equal(inet_pton(AF_INET6, text, &v6.sin6_addr), 1);
	return clients_enter(cs, (struct sockaddr *)&v6, out);
}

static void each_has_its_own(void **state)
{
	(void)state;
	struct clients *cs = clients_new(two, "");
	struct client *a, *same, *more, *b;
	assert_true(enter(cs, "127.0.0.1", &a));
	assert_true(enter(cs, "127.0.0.1", &same));
	assert_ptr_equal(a, same);
	assert_false(enter(cs, "127.0.0.1", &more));
	assert_null(more);
	assert_true(enter(cs, "127.0.0.2", &b));
	assert_int_equal(clients_count(cs), 2);
	assert_int_equal(clients_refused(cs, CLIENT_CONNECTIONS), 1);
	assert_true(client_take(a, CLIENT_FEEDS));
	assert_false(client_take(a, CLIENT_FEEDS));
	assert_true(client_take(a, CLIENT_BULKS));
	assert_true(client_take(b, CLIENT_FEEDS));
	assert_int_equal(clients_refused(cs, CLIENT_FEEDS), 1);
	client_give(a, CLIENT_FEEDS);
	assert_true(client_take(a, CLIENT_FEEDS));
	/* The last of it may outlive the connections. */
	client_give(a, CLIENT_BULKS);
	clients_leave(&same);
	struct client *left = a;
	clients_leave(&a);
	assert_null(a);
	assert_int_equal(clients_count(cs), 2);
	client_give(left, CLIENT_FEEDS);
	assert_int_equal(clients_count(cs), 1);
	client_give(b, CLIENT_FEEDS);
	clients_leave(&b);
	assert_int_equal(clients_count(cs), 0);
	clients_free(&cs);
	assert_null(cs);
}

static void a_network_of_ipv6(void **state)
{
	(void)state;
	struct clients *cs = clients_new(two, "");
	struct client *a, *b, *c, *d;
	assert_true(enter(cs, "2001:db8:0:1::1", &a));
	assert_true(enter(cs, "2001:db8:0:1:ffff::2", &b));
	assert_ptr_equal(a, b);
	assert_false(enter(cs, "2001:db8:0:1::3", &c));
	assert_true(enter(cs, "2001:db8:0:2::1", &c));
	/* One client, whichever socket takes it. */
	clients_leave(&a);
	assert_true(enter(cs, "10.1.2.3", &a));
	assert_true(enter(cs, "::ffff:10.1.2.3", &d));
	assert_ptr_equal(a, d);
	clients_leave(&a);
	clients_leave(&b);
	clients_leave(&c);
	clients_leave(&d);
	clients_free(&cs);
}

static void who_is_exempt(void **state)
{
	(void)state;
	struct clients *cs =
	    clients_new(two, "10.0.0.0/8, 192.168.1.7,fd00::/7");
	static const char *const free_ones[] = {"10.255.0.1", "192.168.1.7",
	    "::ffff:10.0.0.1", "fdff::1", "fc00::"};
	static const char *const others[] = {
	    "11.0.0.1", "192.168.1.6", "fe00::1", "::10.0.0.1"};
	struct client *c, *more;
	for (size_t i = 0; i < sizeof free_ones / sizeof *free_ones; i++) {
		for (int n = 0; n < 5; n++) {
			assert_true(enter(cs, free_ones[i], &c));
			assert_null(c);
		}
	}
	for (int n = 0; n < 5; n++)
		assert_true(client_take(NULL, CLIENT_FEEDS));
	client_give(NULL, CLIENT_FEEDS);
	for (size_t i = 0; i < sizeof others / sizeof *others; i++) {
		assert_true(enter(cs, others[i], &c));
		assert_true(enter(cs, others[i], &more));
		assert_false(enter(cs, others[i], &(struct client *){NULL}));
		clients_leave(&c);
		clients_leave(&more);
	}
	assert_true(clients_enter(cs, NULL, &c));
	assert_null(c);
	clients_free(&cs);
}

static void lists_of_networks(void **state)
{
	(void)state;
	static const char *const good[] = {"", "10.0.0.1", "10.0.0.1/32",
	    "0.0.0.0/0", "::/0", "::1", "10.0.0.0/8,::1", " 10.0.0.1 , ::1 "};
	static const char *const bad[] = {"localhost", "10.0.0.0/33", "::1/129",
	    "10.0.0", "10.0.0.1/", "10.0.0.1/x", "10.0.0.1/8x", "10.0.0.1/-1",
	    "::1 x"};
	for (size_t i = 0; i < sizeof good / sizeof *good; i++)
		assert_true(clients_check(good[i]));
	for (size_t i = 0; i < sizeof bad / sizeof *bad; i++)
		assert_false(clients_check(bad[i]));
}

/* --- threads ------------------------------------------------------------- */

enum { THREADS = 4, ROUNDS = 5000 };

static void *come_and_go(void *arg)
{
	struct clients *cs = arg;
	for (int i = 0; i < ROUNDS; i++) {
		char text[32] = "10.0.0.0";
		struct client *c;
		text[7] = (char)('0' + i % 3);
		if (!enter(cs, text, &c))
			continue;
		bool fed = client_take(c, CLIENT_FEEDS);
		if (fed)
			client_give(c, CLIENT_FEEDS);
		clients_leave(&c);
	}
	return NULL;
}

static void nothing_is_left(void **state)
{
	(void)state;
	struct clients *cs = clients_new(two, "");
	pthread_t threads[THREADS];
	for (size_t i = 0; i < THREADS; i++)
		assert_int_equal(
		    pthread_create(&threads[i], NULL, come_and_go, cs), 0);
	for (size_t i = 0; i < THREADS; i++)
		assert_int_equal(pthread_join(threads[i], NULL), 0);
	assert_int_equal(clients_count(cs), 0);
	clients_free(&cs);
}

/* A caller counts apart from the address that it comes from. */
static void callers(void **state)
{
	(void)state;
	struct clients *cs = clients_new(two, "");
	struct client *address, *one, *more, *other;
	assert_true(enter(cs, "::1:0:0:0:1", &address));
	const struct client_key key = client_address(address);
	const struct client_key second = {{7}};
	assert_true(clients_take_for(cs, &key, CLIENT_FEEDS, &one));
	assert_ptr_not_equal(one, address);
	assert_false(clients_take_for(cs, &key, CLIENT_FEEDS, &more));
	assert_null(more);
	assert_true(clients_take_for(cs, &key, CLIENT_WAITS, &more));
	assert_ptr_equal(more, one);
	assert_true(clients_take_for(cs, &second, CLIENT_FEEDS, &other));
	assert_true(client_take(address, CLIENT_FEEDS));
	assert_int_equal(clients_count(cs), 3);
	client_give(address, CLIENT_FEEDS);
	client_give(other, CLIENT_FEEDS);
	client_give(one, CLIENT_FEEDS);
	client_give(one, CLIENT_WAITS);
	assert_int_equal(clients_count(cs), 1);
	clients_leave(&address);
	clients_free(&cs);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test(each_has_its_own),
	    cmocka_unit_test(a_network_of_ipv6),
	    cmocka_unit_test(who_is_exempt),
	    cmocka_unit_test(lists_of_networks),
	    cmocka_unit_test(nothing_is_left),
	    cmocka_unit_test(callers),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
