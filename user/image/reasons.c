#include "image/reasons.h"

#include <string.h>

#include "base/num.h"

/* Rows: the version from which the number of entries holds. */
struct table_count {
	unsigned minor, patch;
	uint8_t cnt[3]; /* enum image_table */
};

static const struct table_count counts[] = {
	{ 19, 0, { 27, 0, 0 } },   { 20, 0, { 32, 0, 0 } },   { 21, 0, { 32, 0, 17 } },
	{ 22, 0, { 37, 15, 17 } }, { 23, 4, { 38, 16, 17 } }, { 24, 0, { 44, 17, 17 } },
	{ 25, 0, { 47, 17, 17 } }, { 26, 0, { 47, 17, 17 } }, { 28, 0, { 0, 0, 0 } },
};

size_t reasons_count(enum image_table table, unsigned minor, unsigned patch)
{
	size_t cnt = 0;

	if ((unsigned)table >= ARRAY_LEN(counts[0].cnt))
		return 0;
	for (size_t i = 0; i < ARRAY_LEN(counts); i++)
		if (minor > counts[i].minor ||
		    (minor == counts[i].minor && patch >= counts[i].patch))
			cnt = counts[i].cnt[table];
	return cnt;
}

/* Append-only since 1.22. */
static const char *const block_texts[] = {
	"unspecified",
	"forever",
	"network",
	"select",
	"sync.(*Cond).Wait",
	"sync",
	"chan send",
	"chan receive",
	"GC mark assist wait for work",
	"GC background sweeper wait",
	"system goroutine wait",
	"preempted",
	"wait for debug call",
	"wait until GC ends",
	"sleep",
	"GC weak to strong wait", /* 1.23.4 */
	"synctest",		  /* 1.24 */
};

const char *const *reasons_block(unsigned minor, unsigned patch, size_t *ret_cnt)
{
	*ret_cnt = reasons_count(TABLE_BLOCK_REASONS, minor, patch);
	return *ret_cnt ? block_texts : NULL;
}

const char *const *reasons_block_all(size_t *ret_cnt)
{
	*ret_cnt = ARRAY_LEN(block_texts);
	return block_texts;
}

static const char *const stw_texts[] = {
	"unknown",
	"GC mark termination",
	"GC sweep termination",
	"write heap dump",
	"goroutine profile",
	"goroutine profile cleanup",
	"all goroutines stack trace",
	"read mem stats",
	"AllThreadsSyscall",
	"GOMAXPROCS",
	"start trace",
	"stop trace",
	"CountPagesInUse (test)",
	"ReadMetricsSlow (test)",
	"ReadMemStatsSlow (test)",
	"PageCachePagesLeaked (test)",
	"ResetDebugLog (test)",
};

const char *const *reasons_stw(size_t *ret_cnt)
{
	*ret_cnt = ARRAY_LEN(stw_texts);
	return stw_texts;
}

static const struct {
	const char *wait, *block;
} wait_map[] = {
	{ "IO wait", "network" },
	{ "chan receive", "chan receive" },
	{ "chan send", "chan send" },
	{ "chan receive (nil chan)", "forever" },
	{ "chan send (nil chan)", "forever" },
	{ "select (no cases)", "forever" },
	{ "select", "select" },
	{ "sleep", "sleep" },
	{ "semacquire", "sync" },
	{ "sync.Mutex.Lock", "sync" },
	{ "sync.RWMutex.RLock", "sync" },
	{ "sync.RWMutex.Lock", "sync" },
	{ "sync.WaitGroup.Wait", "sync" },
	{ "sync.Cond.Wait", "sync.(*Cond).Wait" },
	{ "GC assist wait", "GC mark assist wait for work" },
	{ "GC sweep wait", "GC background sweeper wait" },
	{ "GC scavenge wait", "system goroutine wait" },
	{ "finalizer wait", "system goroutine wait" },
	{ "cleanup wait", "system goroutine wait" },
	{ "force gc (idle)", "system goroutine wait" },
	{ "GC worker (idle)", "system goroutine wait" },
	{ "GOMAXPROCS updater (idle)", "system goroutine wait" },
	{ "trace reader (blocked)", "system goroutine wait" },
	{ "wait for GC cycle", "wait until GC ends" },
	{ "panicwait", "forever" },
	{ "preempted", "preempted" },
	{ "debug call", "wait for debug call" },
	{ "coroutine", "unspecified" },
	{ "GC weak to strong wait", "GC weak to strong wait" },
	{ "synctest.Run", "synctest" },
	{ "synctest.Wait", "synctest" },
};

/*
 * "chan receive (durable)" and "chan receive (synctest)" are the bubble's forms of the plain one.
 */
static size_t plain_len(const char *wait)
{
	static const char *const tails[] = { " (durable)", " (synctest)" };
	size_t len = strlen(wait);

	for (size_t i = 0; i < ARRAY_LEN(tails); i++) {
		size_t n = strlen(tails[i]);

		if (len > n && !strcmp(wait + len - n, tails[i]))
			return len - n;
	}
	return len;
}

const char *reasons_wait_to_block(const char *wait)
{
	size_t len = plain_len(wait);

	for (size_t i = 0; i < ARRAY_LEN(wait_map); i++)
		if (strlen(wait_map[i].wait) == len && !memcmp(wait_map[i].wait, wait, len))
			return wait_map[i].block;
	return "unspecified";
}

bool reasons_wait_is_pseudo(const char *wait)
{
	static const char *const pseudo[] = {
		"GC assist marking",	"garbage collection",	  "garbage collection scan",
		"GC worker (active)",	"GC mark termination",	  "stopping the world",
		"flushing proc caches", "trace goroutine status", "trace proc status",
		"page trace flush",
	};

	for (size_t i = 0; i < ARRAY_LEN(pseudo); i++)
		if (!strcmp(wait, pseudo[i]))
			return true;
	return false;
}
