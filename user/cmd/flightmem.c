/*
 * flightmem.c - the recorder's memory: stated at the start, held to the end.
 *
 * What is resident when all is set up holds nearly everything: the rings of the CPUs, the arena of
 * generations (touched at once when its size was asked for), the tables of all goroutines there
 * are. Room for what grows later is added, and that sum is stated. Goroutines, stacks and names
 * come and go: when they need more than that room, the window gives way, not the promise.
 */
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

#include "base/log.h"
#include "base/parse.h"
#include "base/scope.h"
#include "cmd/flightrec.h"

enum {
	ROOM = 3 * 1024 * 1024, /* for buffers and caches to come, at least */
	ROOM_DIV = 16,		/* and this part of what is there */
	MARGIN = 1024 * 1024,	/* below the stated: where the window begins to give way */
	HOLD_NS = 1000 * 1000 * 1000,
	FLOOR_DIV = 4, /* of the window's bytes are kept in any case */
};

size_t flightmem_rss(void)
{
	char text[128];
	unsigned long long pages = 0;
	SCOPED_FD int fd = open("/proc/self/statm", O_RDONLY | O_CLOEXEC);
	ssize_t n = fd < 0 ? -1 : read(fd, text, sizeof(text) - 1);
	char *end;

	if (n <= 0)
		return 0;
	text[n] = '\0';
	(void)strtoull(text, &end, 10);
	pages = strtoull(end, NULL, 10);
	return (size_t)pages * (size_t)sysconf(_SC_PAGESIZE);
}

void flightmem_begin(struct flight *f)
{
	const struct flight_opts *fo = &f->o->flight;
	char a[PARSE_TEXT_MAX], b[PARSE_TEXT_MAX];
	struct genring_opts ro = flight_ring_opts(fo);
	size_t now = flightmem_rss();

	if (!now)
		return;
	/* Without a size of its own the arena fills as the window does. */
	if (!ro.touch)
		now += genring_arena(&ro);
	f->mem.stated = now + (now / ROOM_DIV > ROOM ? now / ROOM_DIV : ROOM);
	log_info("memory: at most %s resident: %s for generations, the rest for the rings of the "
		 "CPUs and tables of goroutines, stacks and names",
		 parse_fmt_bytes(f->mem.stated, a), parse_fmt_bytes(genring_arena(&ro), b));
}

static void give_way(struct flight *f, size_t over)
{
	size_t floor = f->o->flight.bytes / FLOOR_DIV, to = f->limit > over ? f->limit - over : 0;
	char a[PARSE_TEXT_MAX], b[PARSE_TEXT_MAX];

	if (to < floor)
		to = floor;
	if (to == f->limit) {
		if (!f->mem.told_over)
			log_warn("memory: tables and buffers need %s more than was stated, and the "
				 "window cannot give way further",
				 parse_fmt_bytes(over, a));
		f->mem.told_over = true;
		return;
	}
	f->limit = to;
	genring_limit(f->ring, to);
	if (!f->mem.told_less)
		log_warn("memory: tables have grown (%llu goroutines): the window gives way, it is "
			 "%s "
			 "instead of %s",
			 (unsigned long long)model_get_stats(f->s.join.model)->live,
			 parse_fmt_bytes(to, a), parse_fmt_bytes(f->o->flight.bytes, b));
	f->mem.told_less = true;
}

void flightmem_hold(struct flight *f)
{
	size_t bytes = f->o->flight.bytes, rss;

	if (!f->mem.stated || f->s.polled_ns < f->mem.checked_ns + HOLD_NS)
		return;
	f->mem.checked_ns = f->s.polled_ns;
	if (!f->o->flight.bytes_given || f->limit < bytes)
		genring_trim(f->ring);
	rss = flightmem_rss();
	if (rss + MARGIN > f->mem.stated) {
		give_way(f, rss + MARGIN - f->mem.stated);
		genring_trim(f->ring);
	} else if (f->limit < bytes && rss + 4 * MARGIN < f->mem.stated) {
		/* Slowly back: what has shrunk may grow again. */
		f->limit += (f->mem.stated - rss - 4 * MARGIN) / 2;
		if (f->limit > bytes)
			f->limit = bytes;
		genring_limit(f->ring, f->limit);
	}
}
